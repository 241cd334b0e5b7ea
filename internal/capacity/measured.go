package capacity

import (
	"cmp"
	"fmt"
	"os"
)

// Measured is what was measured on one machine: the runs that the figures are fitted to, and others to check the model with.
type Measured struct {
	How     string  `json:"how"`     // the command
	When    string  `json:"when"`    // the day
	Machine string  `json:"machine"` // cores, memory, versions
	Cores   float64 `json:"cores"`
	Runs    []Run   `json:"runs"`
	Orders  Orders  `json:"orders"`
	// DecodeMicros is the CPU time in which a process makes an event of a like's record, without the rest of it.
	DecodeMicros float64 `json:"decodeMicros"`
	// RecordBytes is the size of that record.
	RecordBytes float64 `json:"recordBytes"`
}

// Run is a stretch of a load of likes, a few seconds long, in which nothing started or ended. All are differences between its end and its
// beginning. Every process had one part of Tiffin.
type Run struct {
	Name       string  `json:"name"`
	Calibrates bool    `json:"calibrates"` // the figures are fitted to it; the others check them
	WantedRate float64 `json:"wantedRate"` // likes a second; 0 is as fast as it went
	Batch      int     `json:"batch"`      // likes a request; 0 is the single endpoint
	Posts      int     `json:"posts"`
	Partitions int     `json:"partitions"`
	Seconds    float64 `json:"seconds"`
	OtherCores float64 `json:"otherCores"` // what else took of the machine's cores meanwhile

	Likes        float64 `json:"likes"` // accepted
	Requests     float64 `json:"requests"`
	Syncs        float64 `json:"syncs"` // groups that the door made durable
	SyncSeconds  float64 `json:"syncSeconds"`
	Sent         float64 `json:"sent"`     // records that Kafka acknowledged
	Produces     float64 `json:"produces"` // requests that took
	AnswerP50    float64 `json:"answerP50Millis"`
	AnswerP99    float64 `json:"answerP99Millis"` // of the whole load, from when a request was due
	DoorCPU      float64 `json:"doorCPUSeconds"`
	KafkaCPU     float64 `json:"kafkaCPUSeconds"`
	RedisCPU     float64 `json:"redisCPUSeconds"`
	LoadCPU      float64 `json:"loadCPUSeconds"`
	PostgresCPU  float64 `json:"postgresCPUSeconds"` // of what is not a group's backend: WAL writer, checkpointer, readers
	WALBytes     float64 `json:"walBytes"`
	KafkaBytes   float64 `json:"kafkaBytes"`   // of the likes topic, one replica
	Mirrored     float64 `json:"mirrored"`     // parts of counts written to Redis
	LikeRows     float64 `json:"likeRows"`     // inserted
	CountRows    float64 `json:"countRows"`    // inserted or updated
	LikesBytes   float64 `json:"likesBytes"`   // table and index of likes at the end
	LikesRows    float64 `json:"likesRows"`    // in it
	CountsBytes  float64 `json:"countsBytes"`  // the same of counts
	CountsRows   float64 `json:"countsRows"`   //
	Groups       Groups  `json:"groups"`       // likes and analytics
	CaughtUp     float64 `json:"caughtUp"`     // seconds after the last answer
	Verification string  `json:"verification"` // what the load said at its end
}

// Orders are a backlog of orders that was brought to its end, with full batches, all groups in one process. Four of five complete; the others fail in each
// way that there is.
type Orders struct {
	Orders        float64            `json:"orders"`
	Seconds       float64            `json:"seconds"`
	DoorCPU       float64            `json:"doorCPUSeconds"`
	GroupsCPU     float64            `json:"groupsCPUSeconds"`
	KafkaCPU      float64            `json:"kafkaCPUSeconds"`
	PostgresCPU   float64            `json:"postgresCPUSeconds"` // of what is not a group's backend
	Backends      map[string]float64 `json:"backendCPUSeconds"`  // of each group
	WALBytes      float64            `json:"walBytes"`
	KafkaBytes    float64            `json:"kafkaBytes"` // one replica
	DatabaseBytes float64            `json:"databaseBytes"`
}

// Groups are what consumer groups did, by name.
type Groups map[string]GroupRun

// GroupRun is what a group did.
type GroupRun struct {
	Events       float64 `json:"events"`
	Batches      float64 `json:"batches"`
	BatchSeconds float64 `json:"batchSeconds"` // from begin to commit, of all batches
	CPU          float64 `json:"cpuSeconds"`
	BackendCPU   float64 `json:"backendCPUSeconds"` // of its connection to PostgreSQL
}

// defaultPartitions is how many topics have unless somebody says so.
const defaultPartitions = 12

// ReadMeasured reads what the program in measure has written.
func ReadMeasured(file string) (m Measured, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return m, err
	}
	if err := unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("%s is not what `go run ./internal/capacity/measure` writes: %w", file, err)
	}
	for i := range m.Runs {
		m.Runs[i].Partitions = cmp.Or(m.Runs[i].Partitions, defaultPartitions)
	}
	if len(m.Runs) == 0 || m.Cores <= 0 {
		return m, fmt.Errorf("%s has no runs, or no cores", file)
	}
	return m, nil
}
