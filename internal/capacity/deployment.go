package capacity

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"tiffin/saga/words"
	"tiffin/schemas"
)

// Deployment is what runs where. Instances of one kind are alike, and each has machines of its own, unless all share one.
type Deployment struct {
	Name string `json:"name"`
	// Shared is how many cores all parts share, the load generator too, as on one machine; 0 if each has its own. The cores of the parts
	// do not count then.
	Shared float64 `json:"shared,omitzero"`

	Doors     Nodes `json:"doors"` // likes-api
	Brokers   Nodes `json:"brokers"`
	Likes     Nodes `json:"likes"`     // the group
	Analytics Nodes `json:"analytics"` // the group; 0 instances: it is not there
	Redis     Nodes `json:"redis"`     // one instance, one core: 0 if there is none
	// LikesDatabase and AnalyticsDatabase are one PostgreSQL each.
	LikesDatabase     Nodes `json:"likesDatabase"`
	AnalyticsDatabase Nodes `json:"analyticsDatabase"`

	Partitions  int `json:"partitions"`
	Replication int `json:"replication"`

	NetworkMillis   float64 `json:"networkMillis"`   // there and back between two machines
	SpoolSyncMillis float64 `json:"spoolSyncMillis"` // a sync of a door's disk
	WALSyncMillis   float64 `json:"walSyncMillis"`   // a commit's, in PostgreSQL
	SpoolLimitMiB   float64 `json:"spoolLimitMiB"`   // of each door
}

// Nodes are instances of one kind.
type Nodes struct {
	Instances int     `json:"instances"`
	Cores     float64 `json:"cores"` // of each
}

// Load is what is to be carried.
type Load struct {
	Rate  float64 // likes a second
	Batch int     // likes a request; 0 or 1 is the single endpoint
	Posts int
	Zipf  float64 // the kth post gets 1/k^Zipf of what the first one gets
	// Burst is how many more likes a second come for one post once a celebrity has posted, after a quarter of the time, half as many each
	// eighth of it.
	Burst float64
	// HotUser is the share of likes that come from one user, 0 to 1: they are all in one partition.
	HotUser float64
	Seconds float64 // how long it comes
	Seed    uint64
}

//go:embed deployments/*.json
var deployments embed.FS

// Deployments are the names of those that are built in.
func Deployments() (names []string) {
	entries, err := deployments.ReadDir("deployments")
	if err != nil {
		panic(err) // the binary has them
	}
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".json"))
	}
	return names
}

// ReadDeployment reads one that is built in, by its name, or a JSON file.
func ReadDeployment(name string) (d Deployment, err error) {
	var data []byte
	if slices.Contains(Deployments(), name) {
		data, err = deployments.ReadFile("deployments/" + name + ".json")
	} else if data, err = os.ReadFile(name); errors.Is(err, os.ErrNotExist) {
		return d, fmt.Errorf("there is no deployment %q, and no file of that name: choose some of %s, or write a file like what --print shows", name, strings.Join(Deployments(), ", "))
	}
	if err != nil {
		return d, err
	}
	if err := unmarshal(data, &d); err != nil {
		return d, fmt.Errorf("the deployment in %s: %w", name, err)
	}
	d.Name = name
	return d, d.Validate()
}

// unmarshal reads JSON. First without, then with an eye on unknown members, for the first says faults in words of JSON.
func unmarshal[T any](data []byte, into *T) error {
	if err := schemas.Unmarshal(data, into); err != nil {
		return err
	}
	return json.Unmarshal(data, new(T), json.RejectUnknownMembers(true))
}

// Validate names all that is wrong.
func (d Deployment) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	for _, n := range []struct {
		name  string
		nodes Nodes
		least int
	}{
		{"doors", d.Doors, 1},
		{"brokers", d.Brokers, 1},
		{"likes", d.Likes, 1},
		{"analytics", d.Analytics, 0},
		{"redis", d.Redis, 0},
		{"likesDatabase", d.LikesDatabase, 1},
		{"analyticsDatabase", d.AnalyticsDatabase, min(1, d.Analytics.Instances)},
	} {
		if n.nodes.Instances < n.least || n.nodes.Instances > 10_000 {
			fault("%s: want %d to 10000 instances, not %d", n.name, n.least, n.nodes.Instances)
		}
		if d.Shared == 0 && n.nodes.Instances > 0 && !(n.nodes.Cores > 0 && n.nodes.Cores <= 1024) {
			fault("%s: want up to 1024 cores each, not %g", n.name, n.nodes.Cores)
		}
	}
	for _, one := range []struct {
		name  string
		nodes Nodes
	}{{"redis", d.Redis}, {"likesDatabase", d.LikesDatabase}, {"analyticsDatabase", d.AnalyticsDatabase}} {
		if one.nodes.Instances > 1 {
			fault("%s: a group writes to one, not to %d", one.name, one.nodes.Instances)
		}
	}
	if d.Partitions < 1 || d.Partitions > 1000 {
		fault("partitions: want 1 to 1000, not %d", d.Partitions)
	}
	if d.Replication < 1 || d.Replication > d.Brokers.Instances {
		fault("replication: want 1 or more, and no more than there are brokers, not %d", d.Replication)
	}
	for _, group := range []struct {
		name  string
		nodes Nodes
	}{{"likes", d.Likes}, {"analytics", d.Analytics}} {
		if group.nodes.Instances > d.Partitions {
			fault("%s: %d instances share %s: those beyond would have nothing to do", group.name, group.nodes.Instances, words.Count(d.Partitions, "partition"))
		}
	}
	if d.Shared < 0 || d.NetworkMillis < 0 || d.SpoolSyncMillis < 0 || d.WALSyncMillis < 0 || d.SpoolLimitMiB <= 0 {
		fault("shared and all times must not be negative, and spoolLimitMiB is more than 0")
	}
	return errors.Join(faults...)
}

// Validate names all that is wrong.
func (l Load) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if !(l.Rate > 0 && l.Rate <= 1e8) {
		fault("the rate: want more than 0, and at most 100 million likes a second, not %g", l.Rate)
	}
	if l.Batch < 0 || l.Batch > 10_000 {
		fault("the batch: want at most 10000 likes, which is what the API takes, not %d", l.Batch)
	}
	if l.Posts < 1 || l.Posts > 1e9 {
		fault("the posts: want 1 to a billion, not %d", l.Posts)
	}
	if !(l.Zipf >= 0 && l.Zipf <= 5) {
		fault("Zipf's exponent: want 0, which is uniform, to 5, not %g", l.Zipf)
	}
	if !(l.Burst >= 0 && l.Burst <= 1e8) {
		fault("the burst: want 0 to 100 million likes a second, not %g", l.Burst)
	}
	if !(l.HotUser >= 0 && l.HotUser <= 1) {
		fault("the hot user's share: want 0 to 1, not %g", l.HotUser)
	}
	if !(l.Seconds > 0 && l.Seconds <= 3600) {
		fault("the time: want more than nothing, and at most an hour, not %g s", l.Seconds)
	}
	return errors.Join(faults...)
}
