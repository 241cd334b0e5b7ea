package saga_test

import (
	"errors"

	"tiffin/saga"
)

// The tests' group does jobs. Their facts have an id and no more, but for one that may be invalid.
type work struct{ ID string }

func (w work) Key() string { return w.ID }
func (work) Topic() string { return "jobs" }

type (
	Asked     struct{ work } // heard
	Cancelled struct{ work }
	Answered  struct{ work }
	Declined  struct{ work }
	Checked   struct{ work }
	Reported  struct{ work }

	Begun      struct{ work } // said
	Refused    struct{ work }
	Undone     struct{ work }
	Nothing    struct{ work }
	TooLate    struct{ work }
	GivenUp    struct{ work }
	Advanced   struct{ work }
	Finished   struct{ work }
	Undeclared struct{ work }
	Invalid    struct {
		work
		Fault string
	}
)

func (Asked) EventType() string      { return "job.asked" }
func (Cancelled) EventType() string  { return "job.cancelled" }
func (Answered) EventType() string   { return "job.answered" }
func (Declined) EventType() string   { return "job.declined" }
func (Checked) EventType() string    { return "job.checked" }
func (Reported) EventType() string   { return "job.reported" }
func (Begun) EventType() string      { return "job.begun" }
func (Refused) EventType() string    { return "job.refused" }
func (Undone) EventType() string     { return "job.undone" }
func (Nothing) EventType() string    { return "job.nothing" }
func (TooLate) EventType() string    { return "job.too-late" }
func (GivenUp) EventType() string    { return "job.given-up" }
func (Advanced) EventType() string   { return "job.advanced" }
func (Finished) EventType() string   { return "job.finished" }
func (Undeclared) EventType() string { return "job.undeclared" }
func (Invalid) EventType() string    { return "job.invalid" }

func (f Invalid) Validate() error {
	if f.Fault == "" {
		return nil
	}
	return errors.New(f.Fault)
}

// The one job of most tests.
var (
	one       = work{"1"}
	asked     = Asked{one}
	cancelled = Cancelled{one}
	answered  = Answered{one}
	declined  = Declined{one}
	checked   = Checked{one}
	reported  = Reported{one}
	begun     = Begun{one}
	refused   = Refused{one}
	undone    = Undone{one}
	nothing   = Nothing{one}
	tooLate   = TooLate{one}
	givenUp   = GivenUp{one}
	advanced  = Advanced{one}
	finished  = Finished{one}
)

// Job is the document of a saga.
type Job struct {
	saga.Act
	ID                      string
	Did, Advanced, Followed int
}

// Shelf is a document that several jobs share.
type Shelf struct {
	ID   string
	Free int
}

// Check is the table's CHECK.
func (s *Shelf) Check() error {
	if s.Free < 0 {
		return errors.New("a shelf has nothing less than nothing")
	}
	return nil
}

// Line is a row of a journal.
type Line struct{ JobID, Type string }

var (
	jobs = saga.In("jobs", func(j *Job) saga.Columns {
		return saga.Columns{{Name: "id", At: &j.ID}, {Name: "did", At: &j.Did}, {Name: "advanced", At: &j.Advanced}, {Name: "followed", At: &j.Followed}}
	})
	shelves = saga.In("shelves", func(s *Shelf) saga.Columns { return saga.Columns{{Name: "id", At: &s.ID}, {Name: "free", At: &s.Free}} })
	lines   = saga.JournalIn("lines", func(l *Line) saga.Columns {
		return saga.Columns{{Name: "job_id", At: &l.JobID}, {Name: "type", At: &l.Type}}
	})
)

func group(parts ...saga.Part) *saga.Group {
	return saga.Define("workers", saga.Documents(jobs, shelves, lines), parts...)
}

func begin(j *Job, _ saga.Event[Asked]) []saga.Fact {
	j.Did++
	return saga.Say(Begun{work{j.ID}})
}

func sayNo(j *Job, _ saga.Event[Asked]) []saga.Fact { return saga.Say(Refused{work{j.ID}}) }

func undo(j *Job, why saga.Cause) []saga.Fact {
	if why.Nothing {
		return saga.Say(Nothing{work{j.ID}})
	}
	j.Did--
	return saga.Say(Undone{work{j.ID}})
}

func late(j *Job, _ saga.Cause) []saga.Fact { return saga.Say(TooLate{work{j.ID}}) }

func advance(j *Job, _ saga.Event[Answered]) []saga.Fact { return j.advance() }

func heed(j *Job, _ saga.Event[Answered]) []saga.Fact { return j.advance() }

func check(j *Job, _ saga.Event[Checked]) []saga.Fact { return j.advance() }

func giveUp(j *Job, _ saga.Cause) []saga.Fact { return saga.Say(GivenUp{work{j.ID}}) }

func giveUpChecking(j *Job, why saga.Cause) []saga.Fact { return giveUp(j, why) }

func decline(j *Job, _ saga.Event[Declined]) []saga.Fact { return saga.Say(Refused{work{j.ID}}) }

func finish(j *Job, _ saga.Cause) []saga.Fact { return saga.Say(Finished{work{j.ID}}) }

func follow(j *Job, _ saga.Cause) { j.Followed++ }

func record(why saga.Cause) { lines.Add(why, Line{why.Key, why.Type}) }

func (j *Job) advance() []saga.Fact {
	j.Advanced++
	return saga.Say(Advanced{work{j.ID}})
}

// does and undoes are the lines that most of the tests' groups have.
var (
	does   = saga.Does(begin, saga.Refuses(sayNo), saga.Says[Begun](), saga.Fails[Refused]())
	undoes = saga.Undoes(undo, saga.Upon[Cancelled](), saga.Says[Undone](), saga.Says[Nothing]())
)
