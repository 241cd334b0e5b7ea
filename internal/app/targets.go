package app

import (
	"fmt"
	"slices"
	"strings"

	"tiffin/consumers"
	"tiffin/internal/simulate"
	"tiffin/saga"
	"tiffin/schemas"
)

// The targets that are neither a consumer group nor one of the [apiTargets].
const (
	All       = "all"       // every consumer group and every API, but not the simulator
	Simulator = "simulator" // a restaurant, a cook and a courier that are not there
)

// Targets are the names of all parts that a process may run, [All] first.
func (c Config) Targets() ([]string, error) {
	groups, err := c.consumers()
	if err != nil {
		return nil, err
	}
	names := []string{All}
	for _, a := range apiTargets() {
		names = append(names, a.name)
	}
	for _, g := range groups {
		names = append(names, g.Name())
	}
	return append(names, Simulator), nil
}

// chosen are the parts that a process runs.
type chosen struct {
	names  []string // without [All]
	groups []consumers.Consumer
	apis   []apiTarget
}

// choose finds the targets that are named.
func (c Config) choose(targets []string) (chosen, error) {
	known, err := c.Targets()
	if err != nil {
		return chosen{}, err
	}
	if len(targets) == 0 {
		return chosen{}, fmt.Errorf("no target is given: choose some of %s", strings.Join(known, ", "))
	}
	wanted := map[string]bool{}
	for _, t := range targets {
		if !slices.Contains(known, t) {
			return chosen{}, fmt.Errorf("there is no target %q: choose some of %s", t, strings.Join(known, ", "))
		}
		wanted[t] = true
	}
	declared, err := c.consumers()
	if err != nil {
		return chosen{}, err
	}
	var out chosen
	for _, a := range apiTargets() {
		if wanted[All] || wanted[a.name] {
			out.names = append(out.names, a.name)
			out.apis = append(out.apis, a)
		}
	}
	for _, g := range declared {
		if wanted[All] || wanted[g.Name()] {
			out.names = append(out.names, g.Name())
			out.groups = append(out.groups, g)
		}
	}
	if wanted[Simulator] {
		out.names = append(out.names, Simulator)
		for _, p := range simulate.Parties(c.Simulate) {
			out.groups = append(out.groups, consumers.Consumer{Group: p.Group, Migrations: p.Migrations})
		}
	}
	return out, nil
}

// CheckTargets says what is wrong with a choice of targets.
func (c Config) CheckTargets(targets []string) error {
	_, err := c.choose(targets)
	return err
}

// Groups are the declarations of all consumer groups, the simulator's not among them.
func (c Config) Groups() ([]*saga.Group, error) {
	all, err := c.consumers()
	return declarations(all), err
}

// Choreography is all of it: the groups as they are configured, who speaks from outside, and which facts have a schema.
func (c Config) Choreography() (saga.Choreography, error) {
	groups, err := c.Groups()
	if err != nil {
		return saga.Choreography{}, err
	}
	whole := saga.Choreography{Groups: append(groups, consumers.Outside()...)}
	for _, f := range schemas.All() {
		whole.Schemas = append(whole.Schemas, f.EventType())
	}
	return whole, nil
}

func declarations(all []consumers.Consumer) []*saga.Group {
	groups := make([]*saga.Group, len(all))
	for i, g := range all {
		groups[i] = g.Group
	}
	return groups
}
