package schemas_test

import (
	"testing"
	"time"

	"tiffin/schemas"
)

// FuzzScanJSON: what is scanned is what would have been read, and what is written is scanned.
func FuzzScanJSON(f *testing.F) {
	at := schemas.MomentOf(time.Date(2026, 11, 26, 20, 0, 0, 123_456_000, time.UTC))
	for _, fact := range []schemas.PostLiked{{PostID: "p", UserID: "u"}, {PostID: "p-1", UserID: "U_2", AcceptedAt: at}} {
		text := fact.AppendJSON(nil)
		var scanned schemas.PostLiked
		if !scanned.ScanJSON(text) || scanned != fact {
			f.Errorf("%s is scanned as %+v", text, scanned)
		}
		f.Add(string(text))
	}
	for _, text := range []string{
		``, `{}`, `{"postId":"p","userId":"u"} `, `{"postId":"p","userId":"u"}}`, `{"userId":"u","postId":"p"}`, `{"postId":"p","userId":"u","x":1}`, `{"postId":"","userId":"u"}`,
		`{"postId":"\u0070","userId":"u"}`, `{"postId":"p","userId":"u","acceptedAt":"2026-11-26T20:00:00.123456Z","x":1}`,
		`{"postId":"p","userId":"u","acceptedAt":"1999-11-26T20:00:00.123456Z"}`, `{"postId":"p","userId":"u","acceptedAt":"2026-13-26T20:00:00.123456Z"}`,
		`{"postId":"p","userId":"u","acceptedAt":"2026-11-26T20:00:00.123Z"}`, `{"postId":"p","userId":"u","acceptedAt":""}`,
		`{"postId":"p","userId":" ","acceptedAt":"0"}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var scanned, read schemas.PostLiked
		if !scanned.ScanJSON([]byte(text)) {
			if scanned != read {
				t.Errorf("%q leaves %+v", text, scanned)
			}
			return
		}
		if err := schemas.Unmarshal([]byte(text), &read); err != nil || read.Validate() != nil || scanned != read {
			t.Errorf("%q is scanned as %+v, and read as %+v: %v %v", text, scanned, read, err, read.Validate())
		}
	})
}
