package likes_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"

	"tiffin/producers/api/apitest"
	"tiffin/producers/door"
	"tiffin/producers/likes"
	"tiffin/saga"
	"tiffin/schemas"
)

const lines = "Content-Type: application/x-ndjson"

func line(post, user, action string) string {
	return fmt.Sprintf(`{"postId":"%s","userId":"%s","action":"%s"}`, post, user, action)
}

// many is a batch of n words.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(line(fmt.Sprint("post-", i%7), fmt.Sprint("user-", i), []string{"like", "unlike"}[i%2]) + "\n")
	}
	return b.String()
}

func packed(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A batch is accepted in one call of the door, in the order of its lines, whatever their form.
func TestABatchIsAccepted(t *testing.T) {
	text := line("p1", "ann", "like") + "\n" +
		"\t{ \"action\" : \"unlike\", \"userId\":\"bob\" ,\"postId\":\"p2\" } \r\n" +
		`{"postId":"p1","userId":"\u0063arl","action":"l\u0069ke"}` // no line feed at the end
	want := saga.Say(schemas.PostLiked{PostID: "p1", UserID: "ann"}, schemas.PostUnliked{PostID: "p2", UserID: "bob"}, schemas.PostLiked{PostID: "p1", UserID: "carl"})
	for name, response := range map[string]struct {
		body    string
		headers []string
	}{
		"as it is": {text, []string{lines}},
		"identity": {text + "\n", []string{lines + "; charset=utf-8", "Content-Encoding: Identity"}},
		"gzip":     {packed(t, text), []string{lines, "Content-Encoding: GZIP"}},
	} {
		w := newWorld()
		before := time.Now()
		answer := w.do("POST", "/likes", response.body, response.headers...)
		if answer.Code != http.StatusAccepted || answer.Body.String() != `{"count":3,"status":"accepted"}`+"\n" {
			t.Fatalf("%s: %d %s", name, answer.Code, answer.Body)
		}
		if len(w.origins) != 1 || w.origins[0] != (door.Origin{API: "likes-api"}) || len(w.accepted) != len(want) {
			t.Fatalf("%s: %d calls of the door, %v", name, len(w.origins), w.accepted)
		}
		last := schemas.MomentOf(before) - 1
		for i, fact := range w.accepted {
			at, fact := momentOf(t, fact)
			if !reflect.DeepEqual(fact, want[i]) || at <= last || i > 0 && at != last+1 {
				t.Errorf("%s: line %d is %+v at %v, want %+v after %v", name, i, fact, at, want[i], last)
			}
			last = at
		}
	}
}

// All bad lines are named, by their numbers from 0 and the first fault in each, and nothing is promised.
func TestOneBadLineRefusesTheBatch(t *testing.T) {
	const isID = " must be 1 to 64 letters, digits, hyphens or underscores"
	good := line("p", "u", "like")
	for text, want := range map[string][]string{
		"":                   {` must hold 1 to 10000 lines, each an object`},
		good + "\n\n" + good: {"/1 must be JSON: "},
		strings.Join([]string{
			good, line("", "u", "like"), line("p", "u v", ""), line("p", "u", "love"), good, "[]", "null", `{"postId":"p","userId":"u"`,
			`{"postId":"p","postId":"q","userId":"u","action":"like"}`, `{"postId":"p","userId":7,"action":"like"}`,
			`{"postId":"p","userId":"u","action":"like","at":1}`, good + good, strings.Replace(good, `"p"`, "\"p\xff\"", 1), good,
		}, "\n"): {
			"/1/postId" + isID, "/2/userId" + isID, `/3/action must be "like" or "unlike"`, "/5 must be an object", "/6 must be an object", "/7 must be JSON: ",
			"/8/postId must not come twice", "/9/userId must be a string", "/10/at must be absent", "/11 must be JSON: ", "/12/postId must be JSON: ",
		},
	} {
		w := newWorld()
		response := w.do("POST", "/likes", text, lines)
		d := apitest.Refused(t, response)
		if d.Status != http.StatusBadRequest || len(d.Errors) != len(want) || len(w.accepted) != 0 {
			t.Errorf("%.40q: %d %s, accepted %v", text, response.Code, response.Body, w.accepted)
			continue
		}
		for i, fault := range d.Errors {
			if got := fault.Pointer + " " + fault.Detail; !strings.HasPrefix(got, want[i]) {
				t.Errorf("fault %q, want %q", got, want[i])
			}
		}
	}
}

// Of 150 bad lines the first 100 are named, though each has several faults.
func TestTheFirstBadLinesAreNamed(t *testing.T) {
	w := newWorld()
	d := apitest.Refused(t, w.do("POST", "/likes", strings.Repeat(line("p", "u", "like")+"\n"+line("", "", "")+"\n", 150), lines))
	if d.Status != http.StatusBadRequest || len(d.Errors) != schemas.MaxFaults || d.Errors[0].Pointer != "/1/postId" || d.Errors[99].Pointer != "/199/postId" {
		t.Errorf("%d: %d faults", d.Status, len(d.Errors))
	}
}

func TestTheLimitsOfABatch(t *testing.T) {
	wide := strings.Repeat(" ", likes.MaxBatchBytes-len(line("p", "u", "like"))) + line("p", "u", "like")
	for name, test := range map[string]struct {
		body     string
		encoding string
		status   int
	}{
		"the most lines":       {many(likes.MaxBatchLines), "", 202},
		"one more":             {many(likes.MaxBatchLines) + "{", "", 413},
		"the most bytes":       {wide, "", 202},
		"one byte more":        {" " + wide, "", 413},
		"the most when packed": {packed(t, wide), "gzip", 202},
		"more than that":       {packed(t, " "+wide), "gzip", 413},
		"no gzip":              {"{}", "gzip", 400},
		"half of it":           {packed(t, many(1000))[:500], "gzip", 400},
		"another coding":       {"{}", "br", 415},
	} {
		w := newWorld()
		headers := []string{lines}
		if test.encoding != "" {
			headers = append(headers, "Content-Encoding: "+test.encoding)
		}
		response := w.do("POST", "/likes", test.body, headers...)
		if response.Code != test.status || (len(w.accepted) > 0) != (test.status == 202) {
			t.Errorf("%s: %d %.200s, want %d; %d accepted", name, response.Code, response.Body, test.status, len(w.accepted))
		} else if test.status >= 400 {
			apitest.Refused(t, response)
		}
	}
	for _, media := range []string{"", "text/plain", "application/json", ";"} {
		if response := newWorld().do("POST", "/likes", many(1), "Content-Type: "+media); response.Code != 415 {
			t.Errorf("%q: %d %s", media, response.Code, response.Body)
		}
	}
}

// P6: what a few bytes unpack to takes no more memory than a batch may.
func TestABombIsNotUnpacked(t *testing.T) {
	bomb := strings.Repeat(packed(t, strings.Repeat(" ", 1<<20)), 32)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	response := newWorld().do("POST", "/likes", bomb, lines, "Content-Encoding: gzip")
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; response.Code != http.StatusRequestEntityTooLarge || taken > 1<<26 {
		t.Errorf("%d bytes are answered with %d, and took %d bytes of memory", len(bomb), response.Code, taken)
	}
}

// P5: a batch that is sent again under its key, packed or not, gets the same answer, and is accepted once.
func TestABatchIsAcceptedOnce(t *testing.T) {
	w := newWorld()
	first := w.do("POST", "/likes", many(5), lines, "Idempotency-Key: k")
	again := w.do("POST", "/likes", packed(t, many(5)), lines, "Content-Encoding: gzip", "Idempotency-Key: k")
	if first.Code != http.StatusAccepted || again.Code != first.Code || again.Body.String() != first.Body.String() || len(w.accepted) != 5 {
		t.Errorf("%d %s, then %d %s; %d accepted", first.Code, first.Body, again.Code, again.Body, len(w.accepted))
	}
	if other := w.do("POST", "/likes", many(6), lines, "Idempotency-Key: k"); other.Code != http.StatusUnprocessableEntity || len(w.accepted) != 5 {
		t.Errorf("another batch: %d %s", other.Code, other.Body)
	}
}

func TestABatchThatTheDoorDoesNotTake(t *testing.T) {
	for err, status := range map[error]int{
		fmt.Errorf("%w: secret", door.ErrUnavailable): http.StatusServiceUnavailable,
		fmt.Errorf("%w: secret", door.ErrTooMany):     http.StatusRequestEntityTooLarge,
	} {
		w := newWorld()
		w.err = err
		if d := apitest.Refused(t, w.do("POST", "/likes", many(3), lines)); d.Status != status || strings.Contains(d.Detail, "secret") {
			t.Errorf("%v: %+v", err, d)
		}
	}
}

// FuzzLines: whatever a line is, the fast way to read it takes nothing that the strict one refuses, and makes the same of it.
func FuzzLines(f *testing.F) {
	for _, seed := range []string{
		line("p", "u", "like"), ` { "action":"unlike" , "postId" : "a-_1","userId":"b" } ` + "\r", line("", "u", "like"), `{"postId":"p","postId":"p","action":"like"}`,
		`{"postId":"p\"","userId":"u","action":"like"}`, `{"postId":"p","userId":"u","action":"like",}`, `{"postId":"p","userId":"u","action":"like"}}`, "{", `{"`,
		`{"postId":"","postId":"p","userId":"u","action":"like"}`, "\v" + line("p", "u", "like"), `{,"postId":"p","userId":"u","action":"like"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "\n") || text == "" {
			return
		}
		var strict struct {
			PostID string `json:"postId"`
			UserID string `json:"userId"`
			Action string `json:"action"`
		}
		err := json.Unmarshal([]byte(text), &strict, json.RejectUnknownMembers(true))
		valid := err == nil && schemas.IsID(strict.PostID) && schemas.IsID(strict.UserID) && (strict.Action == "like" || strict.Action == "unlike")
		w := newWorld()
		response := w.do("POST", "/likes", text, lines)
		if (response.Code == http.StatusAccepted) != valid {
			t.Fatalf("%q: %d %s, want valid: %v", text, response.Code, response.Body, valid)
		}
		if valid {
			_, fact := momentOf(t, w.accepted[0])
			want := saga.Fact(schemas.PostLiked{PostID: strict.PostID, UserID: strict.UserID})
			if strict.Action == "unlike" {
				want = schemas.PostUnliked{PostID: strict.PostID, UserID: strict.UserID}
			}
			if fact != want {
				t.Fatalf("%q is %+v, want %+v", text, fact, want)
			}
		}
	})
}

// Batches that are under way take a bounded amount of memory: those that are more wait, and are refused before anything of them is
// promised. Who is let in again is accepted.
func TestOnlySoManyBatchesAreUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.hold = make(chan struct{})
		answers := make(chan *httptest.ResponseRecorder, 3)
		full := many(likes.MaxBatchLines - 1)
		full += line("p", "last", "like") + strings.Repeat(" ", likes.MaxBatchBytes-len(full)-len(line("p", "last", "like")))
		for range 3 {
			go func() { answers <- w.do(http.MethodPost, "/likes", full, lines) }()
		}
		refused := <-answers
		if refused.Code != http.StatusServiceUnavailable || !strings.Contains(refused.Body.String(), "It was not accepted") || refused.Header().Get("Retry-After") == "" {
			t.Errorf("the third of two answers %d %s", refused.Code, refused.Body)
		}
		close(w.hold)
		for range 2 {
			if r := <-answers; r.Code != http.StatusAccepted {
				t.Errorf("one that had room answers %d %s", r.Code, r.Body)
			}
		}
		if r := w.do(http.MethodPost, "/likes", full, lines); r.Code != http.StatusAccepted {
			t.Errorf("once there is room again, %d %s", r.Code, r.Body)
		}
	})
}

// drip is a body of which so much has arrived, and the rest does not before it is closed.
type drip struct {
	io.Reader
	*io.PipeReader
}

func (d drip) Read(p []byte) (int, error) {
	if n, err := d.Reader.Read(p); err == nil {
		return n, nil
	}
	return d.PipeReader.Read(p)
}

// impatient is a response to a body that ends when its time is over, as those of a server do.
type impatient struct {
	*httptest.ResponseRecorder
	body *io.PipeWriter
}

func (i impatient) SetReadDeadline(at time.Time) error {
	time.AfterFunc(time.Until(at), func() { _ = i.body.CloseWithError(os.ErrDeadlineExceeded) })
	return nil
}

// slow sends a batch of which so many bytes arrive, and returns when they have. Its end is its client's hanging up.
func (w *world) slow(t *testing.T, bytes int) (end func(), answer <-chan *httptest.ResponseRecorder) {
	reader, writer := io.Pipe()
	request := httptest.NewRequest(http.MethodPost, "/likes", drip{strings.NewReader(strings.Repeat(" ", bytes)), reader})
	request.Header.Set("Content-Type", "application/x-ndjson")
	answers := make(chan *httptest.ResponseRecorder, 1)
	go func() {
		recorder := httptest.NewRecorder()
		w.handler.ServeHTTP(impatient{recorder, writer}, request)
		answers <- recorder
	}()
	<-time.After(time.Millisecond) // it is the only one that comes now
	return func() { _ = writer.CloseWithError(io.ErrUnexpectedEOF) }, answers
}

// Who sends slowly takes as much room as has arrived of it, and holds nobody up.
func TestSlowClientsHoldNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		for range 100 {
			end, _ := w.slow(t, 1)
			defer end()
		}
		start := time.Now()
		if r := w.do(http.MethodPost, "/likes", many(likes.MaxBatchLines), lines); r.Code != http.StatusAccepted || time.Since(start) > 0 {
			t.Errorf("beside slow clients, %d %s after %v", r.Code, r.Body, time.Since(start))
		}
	})
}

// What arrives slowly, but much of it, takes a bounded amount of memory, too: who would be too much waits, and is refused. So is who has
// the room and lets the others wait.
func TestOnlySoMuchArrivesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		var slow []<-chan *httptest.ResponseRecorder
		for range 7 { // two wait for their rest, two have the room for what is whole, the others wait for it
			end, answer := w.slow(t, likes.MaxBatchBytes-1)
			defer end()
			slow = append(slow, answer)
		}
		if r := w.do(http.MethodPost, "/likes", many(1), lines); r.Code != http.StatusServiceUnavailable || !strings.Contains(r.Body.String(), "It was not accepted") {
			t.Errorf("behind too many, %d %s", r.Code, r.Body)
		}
		<-time.After(4 * time.Second) // the next two have had the room for as long
		if r := w.do(http.MethodPost, "/likes", many(1), lines); r.Code != http.StatusAccepted {
			t.Errorf("once they are gone, %d %s", r.Code, r.Body)
		}
		for i, want := range []int{0, 0, 408, 408, 408, 408, 503} {
			got := 0
			select {
			case r := <-slow[i]:
				got = r.Code
			default:
			}
			if got != want {
				t.Errorf("number %d answers %d, want %d", i, got, want)
			}
		}
	})
}

// Small batches weigh little, also if their length says nothing of what they are.
func TestSmallBatchesWeighLittle(t *testing.T) {
	packed := packed(t, many(1))
	for name, send := range map[string]func(*world) *httptest.ResponseRecorder{
		"packed": func(w *world) *httptest.ResponseRecorder {
			return w.do(http.MethodPost, "/likes", packed, lines, "Content-Encoding: gzip")
		},
		"chunked": func(w *world) *httptest.ResponseRecorder {
			request := httptest.NewRequest(http.MethodPost, "/likes", io.MultiReader(strings.NewReader(many(1)))) // of no known length
			request.Header.Set("Content-Type", "application/x-ndjson")
			recorder := httptest.NewRecorder()
			w.handler.ServeHTTP(recorder, request)
			return recorder
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.hold = make(chan struct{})
			answers := make(chan *httptest.ResponseRecorder, 8)
			for range cap(answers) {
				go func() { answers <- send(w) }()
			}
			time.AfterFunc(time.Minute, func() { close(w.hold) })
			for range cap(answers) {
				if r := <-answers; r.Code != http.StatusAccepted {
					t.Errorf("%s: %d %s", name, r.Code, r.Body)
				}
			}
		})
	}
}

// A batch that has arrived gives its room back, whatever becomes of it.
func TestRoomComesBack(t *testing.T) {
	w := newWorld()
	for range 20 {
		w.do(http.MethodPost, "/likes", strings.Repeat(" ", likes.MaxBatchBytes), lines)
	}
	if r := w.do(http.MethodPost, "/likes", many(1), lines); r.Code != http.StatusAccepted {
		t.Errorf("%d %s", r.Code, r.Body)
	}
}
