package capacity

import (
	_ "embed"
	"errors"
	"fmt"
	"math"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Figures are what a like costs, part by part.
type Figures struct {
	// The door, in µs of CPU: per HTTP request, per like in it, per sync, and per request to a broker.
	DoorRequest, DoorLike, DoorSync, DoorProduce float64

	// A broker, in µs of CPU: per request, be it a produce or a fetch, per partition in it, and per record that is written, or read by one reader.
	KafkaRequest, KafkaPartition, KafkaRecord float64

	// A group's process, in µs of CPU: per event until it waits for the loop; then per event, per row of a count, per batch.
	FeedEvent, LikesEvent, LikesCount, LikesBatch float64
	AnalyticsEvent, AnalyticsBatch                float64

	// The backend of its connection, in µs of CPU: per row of a like, of a count, per batch.
	BackendLike, BackendCount, BackendBatch float64
	AnalyticsBackendBatch                   float64

	// The rest of PostgreSQL, and Redis, in µs of CPU: per like, and per part of a count.
	PostgresLike, RedisCount float64

	// The load generator, in µs of CPU: per request, and per like. It matters where it shares the machine.
	LoadRequest, LoadLike float64

	// Bytes of a like: in a request's body, in the spool, in Kafka (one replica) and so on the wire, in the write-ahead log while tables are
	// small, and in table and index.
	BodyBytes, RecordBytes, KafkaBytes, WALBytes, RowBytes float64
}

// figure describes one of them.
type figure struct {
	name, unit, how string
	at              *float64
}

// all lists the figures in the order in which people read them.
func (f *Figures) all() []figure {
	const cpu = "µs of CPU"
	return []figure{
		{"doorRequest", cpu, "likes-api, per HTTP request: fitted", &f.DoorRequest},
		{"doorLike", cpu, "likes-api, per like: fitted", &f.DoorLike},
		{"doorSync", cpu, "likes-api, per sync of a group of requests: fitted", &f.DoorSync},
		{"doorProduce", cpu, "likes-api, per request to Kafka: fitted", &f.DoorProduce},
		{"kafkaRequest", cpu, "broker, per request: fitted per produce, which two groups fetch, and divided by three", &f.KafkaRequest},
		{"kafkaPartition", cpu, "broker, per partition in a request: fitted like kafkaRequest", &f.KafkaPartition},
		{"kafkaRecord", cpu, "broker, per record written or read: fitted per record, which two groups read, and divided by three", &f.KafkaRecord},
		{"feedEvent", cpu, "any group, per event that is decoded beside the loop: measured alone", &f.FeedEvent},
		{"likesEvent", cpu, "likes, per event in the loop: fitted, less feedEvent", &f.LikesEvent},
		{"likesCount", cpu, "likes, per row of a count that a batch changes: fitted", &f.LikesCount},
		{"likesBatch", cpu, "likes, per batch: fitted", &f.LikesBatch},
		{"analyticsEvent", cpu, "analytics, per event in the loop: fitted, less feedEvent", &f.AnalyticsEvent},
		{"analyticsBatch", cpu, "analytics, per batch: fitted", &f.AnalyticsBatch},
		{"backendLike", cpu, "PostgreSQL, the backend of likes, per row of a like: fitted", &f.BackendLike},
		{"backendCount", cpu, "PostgreSQL, the backend of likes, per row of a count: fitted", &f.BackendCount},
		{"backendBatch", cpu, "PostgreSQL, the backend of likes, per transaction: fitted", &f.BackendBatch},
		{"analyticsBackendBatch", cpu, "PostgreSQL, the backend of analytics, per transaction: its CPU / its batches", &f.AnalyticsBackendBatch},
		{"postgresLike", cpu, "PostgreSQL, all other processes, per like: their CPU / likes", &f.PostgresLike},
		{"redisCount", cpu, "Redis, per part of a count that is mirrored: its CPU / parts", &f.RedisCount},
		{"loadRequest", cpu, "tiffin load, per request: fitted", &f.LoadRequest},
		{"loadLike", cpu, "tiffin load, per like: fitted", &f.LoadLike},
		{"bodyBytes", "bytes", "a line of NDJSON, counted: {\"postId\":...,\"userId\":...,\"action\":\"like\"}", &f.BodyBytes},
		{"recordBytes", "bytes", "a like's record in the spool, counted", &f.RecordBytes},
		{"kafkaBytes", "bytes", "the likes topic on disk / records, which came one a request and are compressed, some 33 in a batch", &f.KafkaBytes},
		{"walBytes", "bytes", "pg_current_wal_lsn / likes, of batches of 500, with tables that fit into memory", &f.WALBytes},
		{"rowBytes", "bytes", "pg_total_relation_size of likes / rows", &f.RowBytes},
	}
}

//go:embed figures.json
var figuresJSON []byte

// written is a figure in the file.
type written struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	How   string  `json:"how"`
}

type figuresFile struct {
	How     string    `json:"how"`
	When    string    `json:"when"`
	Machine string    `json:"machine"`
	Figures []written `json:"figures"`
}

// Calibrated are the figures that the model comes with.
func Calibrated() (Figures, error) { return parseFigures(figuresJSON) }

func parseFigures(data []byte) (f Figures, err error) {
	var file figuresFile
	if err := json.Unmarshal(data, &file, json.RejectUnknownMembers(true)); err != nil {
		return f, fmt.Errorf("the figures: %w", err)
	}
	values := map[string]float64{}
	for _, w := range file.Figures {
		values[w.Name] = w.Value
	}
	var faults []error
	for _, one := range f.all() {
		v, found := values[one.name]
		if !found || v < 0 || math.IsNaN(v) || math.IsInf(v, 0) {
			faults = append(faults, fmt.Errorf("the figure %s is missing, or is not a number from 0 on", one.name))
		}
		*one.at = v
	}
	return f, errors.Join(faults...)
}

// WriteFigures is what figures.json holds when the figures are fitted to m.
func WriteFigures(m Measured) ([]byte, error) {
	f, err := Fit(m)
	if err != nil {
		return nil, err
	}
	file := figuresFile{How: m.How, When: m.When, Machine: m.Machine}
	for _, one := range f.all() {
		file.Figures = append(file.Figures, written{one.name, significant(*one.at, 3), one.unit, one.how})
	}
	data, err := json.Marshal(file, jsontext.WithIndent("  "))
	return append(data, '\n'), err
}

// significant rounds to so many digits.
func significant(v float64, digits int) float64 {
	if v == 0 {
		return 0
	}
	scale := math.Pow(10, float64(digits-1)-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}
