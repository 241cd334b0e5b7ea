package kafka

import "time"

// Header is one header of a record. Keys may repeat, and their order is kept.
type Header struct {
	Key   string
	Value []byte
}

// Record is one entry of a partition's log. A nil Key or Value is Kafka's null, which an empty one is not.
type Record struct {
	Topic     string
	Partition int
	// Offset and Time are set by Fetch and ignored by Produce. Time is when the leader appended the record to its log (in
	// topics without LogAppendTime, which are not ours: when its producer said that it was made).
	Offset int64
	Time   time.Time

	Key, Value []byte
	Headers    []Header
	// Encoded is what Produce sends instead of Key, Value and Headers if it is not nil: the record as [Encode] and
	// [AppendHeader] wrote it. Who has to keep a record for a while keeps it so, and need not take it apart to send it.
	Encoded []byte
}

// TopicPartition names one partition.
type TopicPartition struct {
	Topic     string
	Partition int
}

// Position is the place in a partition from which to read: the offset of the next record wanted.
type Position struct {
	Topic     string
	Partition int
	Offset    int64
}
