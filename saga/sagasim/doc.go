// Package sagasim runs choreographies on a simulated Kafka, PostgreSQL and time, in one process, and lets go wrong what can:
// processes die at any step or stand still and come back as zombies, networks are cut, servers go down, clocks differ and jump,
// requests arrive late, twice or in part, answers are lost or never come, records are copied, and PostgreSQL refuses rows.
//
// What runs is the runtime itself (package lane): its loops, batches, claims, marks, outboxes, deadlines, parking, effects and
// feed, by the ports through which it meets the world. Simulated are the other sides of these ports. Nothing runs at the same
// time as anything else: a task of a process is a coroutine that runs until it waits, and everything that happens is an event
// at its moment of simulated time. So a seed makes the same run, step by step, on any machine, and an hour passes in moments.
//
//	world := sagasim.World{Groups: groups, Outside: outsiders, Setup: menus, Saga: order, Judge: books}
//	report := world.Hunt(ctx, sagasim.Hunt{Seeds: 1000})
//
// # Plans
//
// A seed makes a [Plan]: which process runs which groups, what is said from outside and when, and which faults there are, as
// plain data. [World.Play] plays it. A plan that breaks a rule is shrunk ([World.Shrink]): by delta debugging over its faults,
// then over what is said, then by fewer processes and groups; what is left is a schedule that a person can read.
//
// # The judge
//
// When the faults are over, everything has to come to its end within the groups' deadlines. Then, and while it runs, these are
// the library's own rules, each the name of a finding:
//
//   - quiet: when nothing goes wrong any more, everybody comes to rest: all read, all sent, no act waits;
//   - order: what a lane says to a partition comes there in the order of its numbers, without a hole;
//   - lost: what a lane has committed is in the log;
//   - once: a group says each fact under one number; under two it has handled its cause twice;
//   - deadline: no deadline passes over an answer that was logged before it;
//   - effects: no effect has an outcome that nobody has tried;
//   - parking: what comes to a parked key waits behind what is parked;
//   - gaps, parked, alarm: nobody misses a fact, parks a key or logs an error without a cause in the plan;
//   - panic: nothing panics.
//
// What the choreography promises of its own is the [World]'s Judge.
//
// # What the simulated servers mean
//
// The SQL of the runtime does not run here. So that the simulated PostgreSQL means what the real one does, both pass the suite
// of package storetest. The simulated Kafka stands for package kafka's client as well: batches to a partition that go one after the other,
// groups with heartbeats and sessions, long polls. Mirrors run beside the loop and promise nothing, so they do not run here.
//
// # Files
//
// engine.go is time and tasks, process.go the machine that a process runs on, network.go how it asks a server; kafka.go,
// members.go, postgres.go, session.go and store.go are the servers; door.go and outside.go are who speaks from outside; plan.go and faults.go
// are what happens, world.go and run.go play it, judge.go judges, shrink.go and hunt.go look for what fails.
package sagasim
