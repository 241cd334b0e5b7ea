package app

import (
	"slices"
	"strings"
	"testing"

	"tiffin/schemas"
)

func TestTargetsComeFromTheDeclarations(t *testing.T) {
	got, err := Config{}.Targets()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"all", "orders-api", "likes-api", "payments-api", "inventory", "payments", "fraud", "kitchen", "delivery", "orders", "likes", "simulator"}
	if !slices.Equal(got, want) {
		t.Errorf("targets %v, want %v", got, want)
	}
}

func TestTargetsAreChosen(t *testing.T) {
	for _, test := range []struct{ targets, want string }{
		{"all", "orders-api,likes-api,payments-api,inventory,payments,fraud,kitchen,delivery,orders,likes"},
		{"all,simulator", "orders-api,likes-api,payments-api,inventory,payments,fraud,kitchen,delivery,orders,likes,simulator"},
		{"kitchen,orders-api", "orders-api,kitchen"},
		{"kitchen,kitchen", "kitchen"},
		{"all,kitchen", "orders-api,likes-api,payments-api,inventory,payments,fraud,kitchen,delivery,orders,likes"},
		{"simulator", "simulator"},
	} {
		got, err := Config{}.choose(strings.Split(test.targets, ","))
		if err != nil || strings.Join(got.names, ",") != test.want {
			t.Errorf("%s: %v, error %v, want %s", test.targets, got.names, err, test.want)
		}
		if (len(got.apis) > 0) != strings.Contains(test.want, "-api") {
			t.Errorf("%s: %d APIs are chosen", test.targets, len(got.apis))
		}
	}
	for _, targets := range [][]string{nil, {"kitchn"}, {"all", ""}} {
		if _, err := (Config{}).choose(targets); err == nil || !strings.Contains(err.Error(), "kitchen, delivery") {
			t.Errorf("%q: error %v, want one that lists the targets", targets, err)
		}
	}
}

// Every topic that a group reads or writes is among those that are created, and all have the same number of partitions.
func TestTopicsCoverTheDeclarations(t *testing.T) {
	what, err := Config{}.choose([]string{All, Simulator})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Partitions: 7}
	specs := map[string]int{}
	for _, s := range cfg.topics(declarations(what.groups)) {
		specs[s.Name] = s.Partitions
		if s.Retention != DefaultRetention {
			t.Errorf("topic %s keeps its records for %v", s.Name, s.Retention)
		}
	}
	var needed []string
	for _, g := range what.groups {
		needed = append(needed, g.DeadLetters())
		needed = append(append(needed, g.Topics()...), g.SaysTopics()...)
	}
	for _, topic := range schemas.Topics() {
		needed = append(needed, topic.Name)
	}
	for _, name := range needed {
		if specs[name] != 7 {
			t.Errorf("topic %s would have %d partitions, want 7", name, specs[name])
		}
	}
}
