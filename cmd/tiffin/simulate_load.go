package main

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tiffin/internal/capacity"
)

type simulateLoadCommand struct {
	Deployment string  `env:"TIFFIN_SIMULATE_DEPLOYMENT" default:"one-machine" placeholder:"NAME" help:"What runs where: ${deployments}, or a JSON file like what --print shows. Default: one-machine."`
	Rate       float64 `env:"TIFFIN_SIMULATE_RATE" default:"10000" placeholder:"N" help:"Likes a second. Default: 10000."`
	Batch      int     `env:"TIFFIN_SIMULATE_BATCH" placeholder:"N" help:"How many come in one request. Default: one."`
	Posts      int     `env:"TIFFIN_SIMULATE_POSTS" default:"50000" placeholder:"N" help:"How many posts there are. Default: 50000."`
	Zipf       float64 `env:"TIFFIN_SIMULATE_ZIPF" default:"1.07" placeholder:"S" help:"Zipf's law: the kth post gets 1/k^S of what the first one gets; 0 is the same for all. Default: 1.07."`
	Burst      float64 `env:"TIFFIN_SIMULATE_BURST" placeholder:"N" help:"After a quarter of the time a celebrity posts: so many more likes a second for that post, half as many each eighth of the time. Default: none."`
	HotUser    float64 `env:"TIFFIN_SIMULATE_HOT_USER" placeholder:"SHARE" help:"The share of all likes that one user says, 0 to 1: they are all in one partition. Default: none."`
	Seconds    float64 `env:"TIFFIN_SIMULATE_SECONDS" default:"8" placeholder:"N" help:"For how long they come. Default: 8."`
	Seed       uint64  `env:"TIFFIN_SIMULATE_SEED" placeholder:"N" help:"The same seed makes the same run. Default: 0."`
	Saturate   bool    `env:"-" help:"Look for the highest rate that the deployment carries, from --rate on up or down."`
	Print      bool    `env:"-" help:"Print the deployment, as a start for a file of your own."`
	Check      string  `env:"-" placeholder:"FILE" help:"Compare the model with measured runs, as internal/capacity/measure writes them."`
	JSON       bool    `name:"json" env:"-" help:"Write the result as JSON."`
}

// Run fails if the deployment does not carry the load.
func (c simulateLoadCommand) Run(s streams) error {
	figures, err := capacity.Calibrated()
	if err != nil {
		return err
	}
	if c.Check != "" {
		return c.check(figures, s)
	}
	d, err := capacity.ReadDeployment(c.Deployment)
	if err != nil {
		return usageError{err}
	}
	if c.Print {
		return c.write(s, d)
	}
	l := capacity.Load{
		Rate: c.Rate, Batch: c.Batch, Posts: c.Posts, Zipf: c.Zipf, Burst: c.Burst, HotUser: c.HotUser, Seconds: c.Seconds, Seed: c.Seed,
	}
	if err := l.Validate(); err != nil {
		return usageError{err}
	}
	play := capacity.Simulate
	if c.Saturate {
		play = capacity.Saturation
	}
	r, err := play(d, l, figures)
	if err != nil {
		return err
	}
	if c.JSON {
		err = c.write(s, r)
	} else {
		_, err = fmt.Fprint(s.out, r)
	}
	if err == nil && !r.Carried() {
		return errSaid
	}
	return err
}

func (c simulateLoadCommand) check(figures capacity.Figures, s streams) error {
	measured, err := capacity.ReadMeasured(c.Check)
	if err != nil {
		return err
	}
	compared, err := capacity.Check(measured, figures)
	if err != nil {
		return err
	}
	if c.JSON {
		return c.write(s, compared)
	}
	_, err = fmt.Fprint(s.out, compared)
	return err
}

func (c simulateLoadCommand) write(s streams, v any) error {
	data, err := json.Marshal(v, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s\n", data)
	return err
}
