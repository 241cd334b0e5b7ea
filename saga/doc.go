// Package saga declares choreographed sagas as plain values, and keeps the rules that every saga needs.
//
// A saga is a business transaction that nobody is in charge of: an order, say. Independent consumer groups hear facts on
// Kafka ("payment.succeeded"), change documents of their own, and say further facts; when one of them fails, the others
// undo their part by reacting to that failure. A group is declared once, as a value: what it hears, what it may say,
// which reaction undoes which, and how long it waits for whom. From that value come the runtime (package lane), the check
// of what is declared ([Check], RULES.md), the test world (package sagatest), the exploration of every interleaving (package
// sagacheck), the simulation of all that fails (package sagasim), and the map (package sagamap).
//
// # Reactions are pure
//
// A reaction takes the group's documents and an event, changes the documents, and returns the facts to say. It does no
// I/O, reads no clock (the event carries its time), draws no random number, and starts no goroutine. That is what makes
// the rest possible: a reaction that asks for a document which is not in memory yet is stopped and run again once it
// is; a batch of a thousand events is one transaction; and a checker can run the very reactions that ship. Package sagapure
// finds in the source what is not pure.
//
// # Roles
//
// A group's part in one saga is one act, with one [State], which the library keeps. [Does], [Undoes], [Then], [Within]
// with [Else], [Once], [Pivots], [TooLate], [Closes], [Fails] and [Ends] say how a reaction moves it. So the library
// keeps the rules that are easily forgotten, and no group writes them:
//
//   - a do runs once, and never after its undo: an undo that comes first leaves a mark, and the late do says its refusal;
//   - an undo of nothing says nothing, unless it is the judge of a race ([EvenIfNothing]); a repeated one does nothing;
//   - the first answer ends a wait; what comes later, or answers a question that was not asked, is dropped;
//   - a late refusal ([TooLate]) is said once, however often the request comes;
//   - after its end nothing revives a saga.
//
// [On] and [Follows] are for what has no act: groups that collect, stock that is delivered, a timeline.
//
// # Order
//
// What one group says of one key on one topic is heard in that order; everything else comes as it likes: a fact on another topic may
// overtake what caused it. So a [Then] whose fact is on another topic than the [Does] before it is dropped if it comes first. Where
// both are needed, let [Once] join them, [AllOf] what must have been heard, and [Follows] keep what the first of them said:
// that is how an order is completed, by order.placed and delivery.completed, in whichever order they come.
//
// # The outside world
//
// Work outside is an [Effect], which a reaction requests as data. Copies that may be lost, such as a cache, are [Mirrors].
package saga
