package schemas_test

import (
	"strings"
	"testing"
	"time"

	"tiffin/schemas"
)

func TestMoments(t *testing.T) {
	at := time.Date(2026, 11, 26, 10, 0, 0, 123_456_789, time.FixedZone("IST", 5*3600+1800))
	m := schemas.MomentOf(at)
	if got := m.String(); got != "2026-11-26T04:30:00.123456Z" {
		t.Errorf("%v is %s", at, got)
	}
	if got := m.Time(); !got.Equal(at.Truncate(time.Microsecond)) || got.Location() != time.UTC {
		t.Errorf("%v came back as %v", at, got)
	}
	if !schemas.Moment(0).Time().IsZero() {
		t.Error("no moment is a time")
	}
	for _, text := range []string{"2000-01-01T00:00:00.000000Z", "2099-12-31T23:59:59.999999Z", "2028-02-29T12:00:00.000001Z"} {
		f, err := schemas.DecodeAs[schemas.PostLiked]([]byte(`{"postId":"p","userId":"u","acceptedAt":"` + text + `"}`))
		if err != nil || f.AcceptedAt.String() != text {
			t.Errorf("%s is read as %v, %v", text, f.AcceptedAt, err)
		}
	}
}

// Two that are written alike must be the same: what sorts by text and what sorts by time agree.
func TestMomentsOfOtherFormsAreRefused(t *testing.T) {
	for _, text := range []string{
		`""`, `null`, `"2026-11-26T04:30:00Z"`, `"2026-11-26T04:30:00.123Z"`, `"2026-11-26T04:30:00.1234567Z"`,
		`"2026-11-26T4:30:00.1234567Z"`, `"2026-11-26T04:30:00,123456Z"`, `"2026-11-26t04:30:00.123456Z"`, `"2026-11-26T04:30:00.123456z"`,
		`"2026-11-26 04:30:00.123456Z"`, `"2026-11-26T04:30:0.123456+00:00"`, `"2026-02-29T04:30:00.123456Z"`, `"2026-11-31T04:30:00.123456Z"`,
		`"2026-11-26T24:00:00.000000Z"`, `"2026-11-26T04:30:60.000000Z"`, `"1999-12-31T23:59:59.999999Z"`, `"2100-01-01T00:00:00.000000Z"`,
	} {
		_, err := schemas.DecodeAs[schemas.PostUnliked]([]byte(`{"postId":"p","userId":"u","acceptedAt":` + text + `}`))
		if err == nil || !strings.Contains(err.Error(), "/acceptedAt must be a time in UTC from 2000 to 2099") {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, m := range []schemas.Moment{1, -1, schemas.MomentOf(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))} {
		if err := (schemas.PostLiked{PostID: "p", UserID: "u", AcceptedAt: m}).Validate(); err == nil {
			t.Errorf("%d is valid", m)
		}
	}
}
