// Package lane runs consumer groups on Kafka and PostgreSQL, so that each effect happens once and no fact is lost.
//
// # Lanes
//
// A lane is one partition number of all topics that a group hears, together: partition 3 of orders, payments, kitchen and
// so on. All facts of one saga have the same key, so they are all in one lane. The lane is the unit of ownership, of order
// and of dedupe, and has one row in the group's schema: its epoch, the next offset of each topic, the last number said to
// each target, the marks of what it has seen, and its outbox.
//
// # One loop
//
// The lane is not the unit of work. One loop per group and process handles all the lanes that the process owns, in one
// transaction per batch (loop.go). It gathers what is waiting, loads the documents, runs the reactions in memory, and saves
// in one pipeline what changed: documents, offsets, marks, and the facts said, in an outbox that the next batch overwrites.
// All of it is guarded by the lanes' epochs, so that an owner which lost its lanes without noticing changes nothing. Then
// it sends the facts, in order, and takes nothing more from a lane before what that lane said is acknowledged.
//
// A group whose lanes have no row in common, and that has sharded documents, has more than one loop, which share the lanes
// (team.go): while PostgreSQL saves one's batch, the reactions of another run.
//
// # Exactly once, in effect
//
// Kafka delivers at least once, and kafka-go has no idempotent producer; so each fact carries its sender's lane, epoch and
// a number that runs on per target partition, and the receiver's lane keeps the last (epoch, number) of each sender
// (marks.go), in the same transaction as what the fact did. Whatever is sent again is recognised, and a gap is an alarm.
// Any doubt about a commit, a connection, an epoch has one cure: forget everything in memory and claim the lanes again
// (store.go), which makes everybody else's claim void.
//
// # What can't be handled
//
// An event that does not parse, whose reaction panics, or which breaks a CHECK parks its key: it and all later events of
// that key wait in PostgreSQL, in order, a copy goes to the group's dead letters, and everyone else goes on (parked.go). A
// person looks at it with `tiffin parked`, and redrives or discards it.
//
// # The outside world
//
// An effect (a mail, a webhook) that a reaction requested is saved with everything else, and performed after the commit, with
// an idempotency key, retries and a deadline (effects.go). What came of it is an event of its key, in a batch like any other.
//
// # Mirrors
//
// Copies of documents that may be lost, such as a cache, are written after the commit and beside the loop, as well as it goes
// (mirror.go).
//
// # Files
//
// process.go starts it all, team.go the loops of one group, turns.go has the loops of the process work some at a time; ports.go says what it needs of the world, machine.go is the machine that it runs on; feed.go reads each
// partition once for all groups of the process, recent.go keeps what some have not taken yet, queue.go is what waits for a loop;
// loop.go is the loop, letgo.go how it ends, batch.go one batch of it, suspects.go finds what spoils one, care.go what kills; store.go claims, loads
// and saves, queries.go asks and saves the rest, sql.go makes statements, cache.go keeps recent documents; deadlines.go fires what is due;
// sends.go sends outboxes; mirror.go hands over copies; marks.go tells copies of facts; records.go writes records into columns.
//
// Package sagasim runs all this on ports of its own, on which everything goes wrong; package storetest holds its PostgreSQL to
// the real one.
package lane
