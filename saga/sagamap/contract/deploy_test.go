package contract_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagamap/contract"
	"tiffin/saga/sagatest"
)

func post(p *parcel, _ saga.Event[paid]) []saga.Fact       { return saga.Say(packed{p.ID}) }
func deliver(p *parcel, _ saga.Event[fetched]) []saga.Fact { return saga.Say(done{p.ID}) }
func abandon(p *parcel, _ saga.Cause) []saga.Fact          { return saga.Say(lost{p.ID}) }
func forget(p *parcel, _ saga.Cause) []saga.Fact           { return saga.Say(lost{p.ID}) }
func recall(p *parcel, _ saga.Cause) []saga.Fact           { return saga.Say(refunded{p.ID}) }
func noRecall(p *parcel, _ saga.Cause) []saga.Fact         { return saga.Say(tooLate{p.ID}) }
func noPost(p *parcel, _ saga.Event[paid]) []saga.Fact     { return saga.Say(unpaid{p.ID}) }
func conclude(p *parcel, _ saga.Cause) []saga.Fact         { return saga.Say(told{p.ID}) }

// postOffice sends a parcel and waits, as its parts say, for who fetches it.
func postOffice(parts ...saga.Part) *saga.Group {
	return saga.Define("post", saga.Documents(parcels), parts...)
}

func waitsFor(elseDo func(*parcel, saga.Cause) []saga.Fact) saga.Part {
	return saga.Within(time.Hour, saga.Then(deliver, saga.Says[done]()), saga.Else(elseDo, saga.Says[lost]()))
}

// What a change is said to mean happens indeed: the old version begins a saga, and the new one finds it half done.
func TestWhatAChangeMeansHappens(t *testing.T) {
	does, paysFor := saga.Does(post, saga.Says[packed]()), paid{"p"}
	undoable := []saga.Part{
		saga.Does(post, saga.Refuses(noPost), saga.Says[packed](), saga.Says[unpaid]()),
	}
	for _, test := range []struct {
		rule     string
		old, now *saga.Group
		first    []saga.Fact // what the old version hears
		then     saga.Fact   // and what the new one hears
		same     []string    // what would be said then, and within two hours, without the change
		changed  []string    // what is said with it
		parked   bool        // the new version can't handle it
	}{
		{
			rule: "wait-gone", old: postOffice(does, waitsFor(abandon)), now: postOffice(does, waitsFor(forget)),
			first: saga.Say(paysFor), then: fetched{"p"}, same: []string{"order.done"},
		},
		{
			rule: "wait-gone", old: postOffice(does, waitsFor(abandon)), now: postOffice(does, waitsFor(forget)),
			first: saga.Say(paysFor), then: nil, same: []string{"parcel.lost"},
		},
		{
			rule: "wait-new", old: postOffice(does, saga.Then(deliver, saga.Says[done]())), now: postOffice(does, waitsFor(abandon)),
			first: saga.Say(paysFor), then: fetched{"p"}, same: []string{"order.done"},
		},
		{
			rule: "wait-answer-gone", old: postOffice(does, waitsFor(abandon)),
			now:   postOffice(does, saga.Within(time.Hour, saga.Else(abandon, saga.Says[lost]())), saga.Then(deliver, saga.Says[done]())),
			first: saga.Say(paysFor), then: fetched{"p"}, same: []string{"order.done"}, changed: []string{"order.done", "parcel.lost"},
		},
		{
			rule: "pivot-gone",
			old: postOffice(saga.Does(post, saga.Refuses(noPost), saga.Pivots(), saga.Says[packed](), saga.Says[unpaid]()),
				saga.Undoes(recall, saga.TooLate(noRecall), saga.Upon[cancelled](), saga.Says[refunded](), saga.Says[tooLate]())),
			now:   postOffice(append(undoable, saga.Undoes(recall, saga.Upon[cancelled](), saga.Says[refunded]()))...),
			first: saga.Say(paysFor), then: cancelled{"p"}, same: []string{"cancellation.refused"}, parked: true,
		},
		{
			rule:  "join-deaf",
			old:   postOffice(saga.Once(saga.AllOf(saga.Heard[paid](), saga.Heard[fetched]()), conclude, saga.Ends[told]())),
			now:   postOffice(saga.Once(saga.Heard[paid](), conclude, saga.Ends[told]()), saga.Follows(func(*parcel, saga.Cause) {}, saga.Upon[fetched]())),
			first: saga.Say(paysFor), then: fetched{"p"}, same: []string{"letter.sent"},
		},
		{
			rule:  "join-stricter",
			old:   postOffice(saga.Once(saga.AllOf(saga.Heard[paid](), saga.Heard[fetched]()), conclude, saga.Ends[told]())),
			now:   postOffice(saga.Once(saga.AllOf(saga.Heard[ordered](), saga.Heard[paid](), saga.Heard[fetched]()), conclude, saga.Ends[told]())),
			first: saga.Say(ordered{"p"}, paysFor), then: fetched{"p"}, same: []string{"letter.sent"},
		},
	} {
		t.Run(test.rule, func(t *testing.T) {
			outside := saga.Outside("people", saga.Begins[ordered](), saga.Begins[paid](), saga.Begins[fetched](), saga.Begins[cancelled]())
			if !slices.ContainsFunc(contract.Compare(declared(t, test.old, outside), declared(t, test.now, outside)), func(c contract.Change) bool {
				return c.Rule == test.rule && c.Severity == contract.Breaking
			}) {
				t.Errorf("the change is not said to be breaking")
			}
			if got, err := inFlight(t, test.old, test.old, test.first, test.then); err != nil || !slices.Equal(got, test.same) {
				t.Errorf("without a change %v is said, want %v (%v)", got, test.same, err)
			}
			got, err := inFlight(t, test.old, test.now, test.first, test.then)
			if parked := err != nil && strings.Contains(err.Error(), "panic"); !slices.Equal(got, test.changed) || parked != test.parked {
				t.Errorf("with the change %v is said, want %v (%v)", got, test.changed, err)
			}
		})
	}
}

// inFlight is what is said once a new version has taken over from an old one.
func inFlight(t *testing.T, old, now *saga.Group, first []saga.Fact, then saga.Fact) (said []string, err error) {
	t.Helper()
	before, after := sagatest.New(old), sagatest.New(now)
	before.Say(first...)
	if err := before.Run(); err != nil {
		t.Fatal(err)
	}
	document, found := sagatest.Load[parcel](before, "p")
	if !found {
		t.Fatal("the old version has kept nothing")
	}
	after.Given(document)
	if then != nil {
		after.Say(then)
	}
	err = after.Run()
	said = after.Types()
	if then != nil {
		said = said[1:]
	}
	if err != nil {
		return said, err
	}
	// The deadline, once: what is not handled stays due for ever.
	document, _ = sagatest.Load[parcel](after, "p")
	var w saga.Working
	w.Put(parcels, "p", document, true)
	out := now.React(&w, saga.Cause{Envelope: saga.Envelope{Type: saga.DeadlineType, Key: "p", Time: after.Now().Add(2 * time.Hour), Started: after.Now()}})
	for _, f := range out.Facts {
		said = append(said, f.EventType())
	}
	return said, out.Err
}
