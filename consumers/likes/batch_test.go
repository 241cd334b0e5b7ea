package likes_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"tiffin/consumers/likes"
	"tiffin/internal/testservers"
	"tiffin/producers/api"
	"tiffin/producers/door"
	"tiffin/producers/door/spool"
	likesapi "tiffin/producers/likes"
	"tiffin/saga/kafka"
)

// childVariable makes a process of this test a child, which it configures: brokers, topic prefix, folder of the spool, round.
const childVariable = "TIFFIN_LIKES_TEST_CHILD"

// batchLines is how many words each batch of a child has.
const batchLines = 400

// halting writes in two halves, with a moment between them: a kill finds half a group on the disk more often than not.
type halting struct{ spool.Disk }

func (d halting) Open(path string) (spool.File, error) {
	f, err := d.Disk.Open(path)
	return haltingFile{f}, err
}

func (d halting) Create(path string) (spool.File, error) {
	f, err := d.Disk.Create(path)
	return haltingFile{f}, err
}

type haltingFile struct{ spool.File }

func (f haltingFile) WriteAt(b []byte, offset int64) (int, error) {
	half := len(b) / 2
	if half < 1<<10 || half > 1<<19 { // a note, or a segment that is being made
		return f.File.WriteAt(b, offset)
	}
	if n, err := f.File.WriteAt(b[:half], offset); err != nil {
		return n, err
	}
	<-time.After(3 * time.Millisecond)
	n, err := f.File.WriteAt(b[half:], offset+int64(half))
	return half + n, err
}

// childMain is likes-api, to which four clients send batches, each for a post of its own. It prints the post of each that is
// accepted, until it is killed.
func childMain(arguments string) error {
	a := strings.Split(arguments, " ")
	client, err := kafka.Open(kafka.Config{Brokers: a[:1], TopicPrefix: a[1]})
	if err != nil {
		return err
	}
	disk := newDisk(client, a[2], halting{})
	e := api.New(api.Config{})
	likesapi.Routes(e, likesapi.Config{Door: disk})
	for c := range 4 {
		go func() {
			<-disk.Started()
			for n := 0; ; n++ {
				post := fmt.Sprint("post-", a[3], "-", c, "-", n)
				if sendBatch(e, post, batchLines) == http.StatusAccepted {
					fmt.Println(post + ".")
				}
			}
		}()
	}
	return disk.Run(context.Background())
}

func newDisk(client *kafka.Client, dir string, fs spool.FS) *door.Disk {
	return door.NewDisk(door.DiskConfig{Kafka: client, Topics: likesapi.Topics(), Spool: spool.Config{Dir: dir, LimitBytes: 256 << 20, FS: fs}})
}

// sendBatch has users like a post, all in one batch.
func sendBatch(e http.Handler, post string, users int) (status int) {
	var body strings.Builder
	for u := range users {
		fmt.Fprintf(&body, `{"postId":"%s","userId":"%s","action":"like"}`+"\n", post, user(u))
	}
	request := httptest.NewRequest("POST", "/likes", strings.NewReader(body.String()))
	request.Header.Set("Content-Type", api.MediaLines)
	response := httptest.NewRecorder()
	e.ServeHTTP(response, request)
	return response.Code
}

// P1: whenever the process that accepts batches is killed, in the midst of a write too, each batch is counted whole or not at all; and
// whole, if it was accepted.
func TestABatchIsWholeOrNotAtAll(t *testing.T) {
	const rounds = 15
	w := newWorld(t)
	dir := t.TempDir()
	promised := map[string]bool{}
	for round := range rounds {
		child := exec.Command(os.Args[0], "-test.run=^$")
		child.Env = append(os.Environ(), childVariable+"="+strings.Join([]string{testservers.Kafka(t), w.prefix, dir, strconv.Itoa(round)}, " "))
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		scanner := bufio.NewScanner(out)
		for count := 0; scanner.Scan(); count++ {
			if post, whole := strings.CutSuffix(scanner.Text(), "."); whole {
				promised[post] = true
			}
			if count == 0 {
				time.AfterFunc(rand.N(60*time.Millisecond), func() { _ = child.Process.Kill() })
			}
		}
		if err := child.Wait(); err == nil {
			t.Fatalf("round %d ended by itself", round)
		}
	}
	disk := newDisk(w.client, dir, nil)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- disk.Run(ctx) }()
	<-disk.Started()
	stop() // it sends what is there
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	w.run(likes.Config{})
	w.eventually("all is read", w.read)
	w.consistent()
	if n := w.number("select count(*) from (select sum(count) as users from likes.counts group by post_id) p where users <> $1", batchLines); n != 0 {
		t.Errorf("%d batches are there in part", n)
	}
	for post := range promised {
		if p, err := likes.Find(t.Context(), w.db, post); err != nil || p.Count != batchLines {
			t.Errorf("%s was accepted, and has %d likes, %v", post, p.Count, err)
		}
	}
	there := w.number("select count(distinct post_id) from likes.counts")
	t.Logf("%d batches were accepted in %d lives, %d are there", len(promised), rounds, there)
	if len(promised) < rounds {
		t.Error("too few to prove anything")
	}
}
