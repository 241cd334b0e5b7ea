package kafka

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestCreateTopics(t *testing.T) {
	cluster := newCluster(t, kfake.NumBrokers(3))
	c := newClient(t, cluster)
	ctx := testContext(t)
	specs := []TopicSpec{
		{Name: "orders", Partitions: 6, Retention: time.Hour, RetentionBytes: 1 << 20, Config: map[string]string{"cleanup.policy": "compact"}},
		{Name: "payments", Partitions: 3, Retention: -1},
	}
	for range 2 { // the second time nothing is to be done
		if err := c.CreateTopics(ctx, specs, 3); err != nil {
			t.Fatal(err)
		}
	}
	info := cluster.TopicInfo("test.orders")
	for name, want := range map[string]string{
		"message.timestamp.type": "LogAppendTime",
		"min.insync.replicas":    "2",
		"retention.ms":           "3600000",
		"retention.bytes":        "1048576",
		"cleanup.policy":         "compact",
	} {
		if got := info.Configs[name]; got == nil || *got != want {
			t.Errorf("%s is %v, want %s", name, got, want)
		}
	}
	if got := cluster.TopicInfo("test.payments").Configs["retention.ms"]; got == nil || *got != "-1" {
		t.Errorf("retention for ever is %v", got)
	}

	topics, err := c.Topics(ctx, "orders", "payments", "nothing")
	if err != nil {
		t.Fatal(err)
	}
	if len(topics) != 2 || topics["orders"] != (TopicInfo{Partitions: 6, Replicas: 3}) || topics["payments"].Partitions != 3 {
		t.Errorf("topics: %v", topics)
	}
}

func TestCreateTopicsRefusesAnotherNumberOfPartitions(t *testing.T) {
	c := newClient(t, newCluster(t))
	createTopics(t, c, 6, "orders")
	err := c.CreateTopics(testContext(t), []TopicSpec{{Name: "orders", Partitions: 12}, {Name: "new", Partitions: 1}}, 1)
	if err == nil || !strings.Contains(err.Error(), "declare 6") || !strings.Contains(err.Error(), "12 are declared") {
		t.Errorf("got %v", err)
	}
}

func TestCreateTopicsRefusesProducersClocks(t *testing.T) {
	c := newClient(t, newCluster(t))
	err := c.CreateTopics(testContext(t), []TopicSpec{{Name: "orders", Partitions: 1, Config: map[string]string{"message.timestamp.type": "CreateTime"}}}, 1)
	if err == nil || !strings.Contains(err.Error(), "LogAppendTime") {
		t.Errorf("got %v", err)
	}
}

// A topic that somebody has made by hand, with the clocks of those who send, is refused with the command that mends it; that mends it.
func TestCreateTopicsRefusesATopicWithProducersClocks(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	if err := cluster.CreateTopic("test.orders", 1, nil); err != nil {
		t.Fatal(err)
	}
	err := c.CreateTopics(testContext(t), []TopicSpec{{Name: "orders", Partitions: 1}, {Name: "new", Partitions: 1}}, 1)
	if err == nil || Retryable(err) || strings.Contains(err.Error(), "new") || !strings.Contains(err.Error(), "--entity-name test.orders --add-config message.timestamp.type=LogAppendTime") {
		t.Errorf("got %v", err)
	}
	alter := kmsg.NewPtrIncrementalAlterConfigsRequest()
	alter.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{
		ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "test.orders",
		Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: timestampType, Value: kmsg.StringPtr(logAppendTime)}},
	}}
	direct, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	if _, err := alter.RequestWith(testContext(t), direct); err != nil {
		t.Fatal(err)
	}
	if err := c.CheckClocks(testContext(t), "orders", "new"); err != nil {
		t.Error(err)
	}
}

// Who may not look at a topic's settings can work all the same.
func TestClocksThatNobodyMayLookAt(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	createTopics(t, c, 1, "orders")
	cluster.ControlKey(int16(kmsg.DescribeConfigs), func(r kmsg.Request) (kmsg.Response, error, bool) {
		response := r.ResponseKind().(*kmsg.DescribeConfigsResponse)
		response.Resources = []kmsg.DescribeConfigsResponseResource{{
			ErrorCode: kerr.TopicAuthorizationFailed.Code, ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "test.orders",
		}}
		return response, nil, true
	})
	if err := c.CheckClocks(testContext(t), "orders"); err != nil {
		t.Error(err)
	}
}

// Two processes that start together both create the topics.
func TestCreateTopicsThatSomebodyElseCreatesMeanwhile(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	cluster.ControlKey(int16(kmsg.CreateTopics), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.DropControl()
		if err := cluster.CreateTopic("test.orders", 2, map[string]string{timestampType: logAppendTime}); err != nil {
			t.Error(err)
		}
		return nil, nil, false
	})
	createTopics(t, c, 2, "orders")
}

func TestCreateTopicsWaitsForLeaders(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	var answers atomic.Int64
	cluster.ControlKey(int16(kmsg.Metadata), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		request := r.(*kmsg.MetadataRequest)
		if len(request.Topics) == 0 || cluster.TopicInfo("test.orders") == nil {
			return nil, nil, false
		}
		if answers.Add(1) > 3 {
			cluster.DropControl()
			return nil, nil, false
		}
		response := request.ResponseKind().(*kmsg.MetadataResponse)
		topic := kmsg.NewMetadataResponseTopic()
		topic.Topic = request.Topics[0].Topic
		topic.ErrorCode = kerr.LeaderNotAvailable.Code
		partition := kmsg.NewMetadataResponseTopicPartition()
		partition.Leader, partition.ErrorCode = -1, kerr.LeaderNotAvailable.Code
		topic.Partitions = append(topic.Partitions, partition)
		response.Topics = append(response.Topics, topic)
		return response, nil, true
	})
	createTopics(t, c, 1, "orders")
	if n := answers.Load(); n <= 3 {
		t.Errorf("returned after %d answers without a leader", n)
	}
}

// The metadata may name leaders that do not know of it yet.
func TestCreateTopicsWaitsUntilLeadersAnswer(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Partitions: []int32{1}, Err: kerr.NotLeaderForPartition, Count: 3})
	createTopics(t, c, 2, "orders")
	if fault.Hits() != 3 {
		t.Errorf("returned after %d refusals", fault.Hits())
	}
}

func TestOffsets(t *testing.T) {
	cluster := newCluster(t, kfake.NumBrokers(2))
	c := newClient(t, cluster)
	createTopics(t, c, 2, "orders", "payments")
	ctx := testContext(t)
	if err := c.Produce(ctx, append(recordsOf("orders", 0, 5), recordsOf("payments", 1, 2)...)); err != nil {
		t.Fatal(err)
	}
	if err := cluster.DeleteRecords("test.orders", 0, 3); err != nil {
		t.Fatal(err)
	}
	requests := count(cluster, kmsg.ListOffsets)
	got, err := c.Offsets(ctx, []TopicPartition{{"orders", 0}, {"orders", 1}, {"payments", 0}, {"payments", 1}})
	if err != nil {
		t.Fatal(err)
	}
	for tp, want := range map[TopicPartition]OffsetRange{
		{"orders", 0}: {3, 5}, {"orders", 1}: {0, 0}, {"payments", 0}: {0, 0}, {"payments", 1}: {0, 2},
	} {
		if got[tp] != want {
			t.Errorf("%v: %v, want %v", tp, got[tp], want)
		}
	}
	if n := requests(); n > 4 {
		t.Errorf("%d requests for two leaders", n)
	}
	if _, err := c.Offsets(ctx, []TopicPartition{{"orders", 0}, {"nothing", 0}}); !errors.Is(err, ErrUnknownTopic) {
		t.Errorf("unknown topic: %v", err)
	}
}

func TestOffsetsAfterTheLeaderMoved(t *testing.T) {
	cluster := newCluster(t, kfake.NumBrokers(2))
	c := newClient(t, cluster)
	createTopics(t, c, 1, "orders")
	ctx := testContext(t)
	asked := []TopicPartition{{"orders", 0}}
	if _, err := c.Offsets(ctx, asked); err != nil {
		t.Fatal(err)
	}
	moveLeader(t, cluster, "test.orders", 0)
	if _, err := c.Offsets(ctx, asked); !Retryable(err) {
		t.Fatalf("from the old leader: %v", err)
	}
	if _, err := c.Offsets(ctx, asked); err != nil {
		t.Errorf("then: %v", err)
	}
}

// moveLeader makes another broker the leader.
func moveLeader(t *testing.T, cluster *kfake.Cluster, topic string, partition int32) {
	t.Helper()
	for _, info := range []int32{0, 1} {
		if info != cluster.LeaderFor(topic, partition) {
			if err := cluster.MoveTopicPartition(topic, partition, info); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
}
