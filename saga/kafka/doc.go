// Package kafka is Tiffin's one door to Apache Kafka: it creates topics, sends records, reads them, and makes this
// process a member of consumer groups. Nothing else in Tiffin imports a Kafka library.
//
// It promises little, so that what it promises can be trusted: a record that [Client.Produce] calls acknowledged is on all
// in-sync replicas; records of one partition leave in their order, and after a failure none of them overtakes another;
// [Client.Fetch] returns each partition's records in order, without gaps but those of the log itself; while a
// [Membership]'s Hold runs, the broker has dealt its lanes to nobody else (as far as the clocks of two machines
// can tell: what must be certain is fenced by the generation, in [Assignment].Commit). Nothing is retried in secret: errors
// come back at once, and [Retryable] says whether asking again can help.
//
// It stands on kafka-go, but only on the parts of it that leave control with us:
//
//   - connections, API versions, TLS and SASL come from its Transport (client.go makes every one of them and says why
//     each option is what it is);
//   - requests to partition leaders are one per leader, for all its partitions. They are routed by our own cache of leaders
//     (metadata.go), because the Transport's can't be refreshed when a leader moves, and it splits some requests into
//     one per partition (exchange.go);
//   - record batches are written and read by our own code (encode.go, decode.go): that takes a fraction of the
//     allocations, and honours append time, which kafka-go ignores. Those of some size are compressed (compress.go);
//   - groups use its ConsumerGroup and Generation (join.go), with a balancer of our own (balancer.go) that deals
//     out lanes: a lane is the same partition number of every topic that the group hears.
//
// Brokers from Kafka 2.3 on are understood; tests run against Kafka 4.
package kafka
