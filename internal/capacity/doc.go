// Package capacity is a model of Tiffin under a load of likes that this machine can't make: doors, brokers, partitions, consumer groups, databases and
// Redis, on as many machines as a deployment says. `tiffin simulate load` runs it, and SCALING.md shows what it says.
//
// It is a discrete-event simulation with few parts. Everything in Tiffin works in batches: what a batch costs is something for itself (a request, a
// round trip, a sync), something for each like, and something for each row that is written once however many likes change it. Batches are bounded, and grow
// with the load until then; so there is nothing to assume about how throughput and latency depend on it, it comes out.
//
//   - [Measured] is what was measured on one machine, by the command in measure: counters of real runs.
//   - [Fit] makes [Figures] of some of these runs: microseconds per request, like, row, batch; bytes. They are kept in figures.json.
//   - [Deployment] is what machines there are, [Load] what they have to carry; [Simulate] plays both, and [Saturation] looks for the highest load.
//   - [Check] plays the runs that the figures were not fitted to, and says by how much the model is wrong.
//
// A model knows what is put into it. What is not in it, SCALING.md says.
package capacity
