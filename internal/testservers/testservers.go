// Package testservers gives tests the real servers. Logic is tested on embedded servers and fakes; a promise (nothing accepted is
// lost, each effect happens once, ...) is worth what the server beneath it is worth, so promises are tested on Apache Kafka, PostgreSQL
// and Redis as they are deployed.
//
// The program in cmd starts one of each, sets the environment variables below, and runs a command such as `go test` with them; `make
// test` does that. Without the variables, say in a plain `go test ./...`, tests that ask for a server are skipped.
//
// Kafka, Postgres and Redis are shared by all tests that run; StartKafka, StartPostgres and StartRedis start one that belongs to the test
// alone, which may stop, kill and restart it.
package testservers

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"tiffin/internal/testservers/server"
)

// The environment variables that tell tests where the servers are. Whoever has servers of their own may set them by hand.
const (
	KafkaVariable     = "TIFFIN_TEST_KAFKA"        // host:port
	KafkaLibsVariable = "TIFFIN_TEST_KAFKA_LIBS"   // folder of Kafka's jars, for console tools and private nodes
	PostgresVariable  = "TIFFIN_TEST_DATABASE_URL" // of a user who may create databases
	RedisVariable     = "TIFFIN_TEST_REDIS_URL"
)

// claimTime is how long a test may keep its Redis database; then a test that was killed gives it back.
const claimTime = time.Hour

// cleanupLimit bounds what a test's cleanup waits for.
const cleanupLimit = 30 * time.Second

// lookup returns the variable, or skips the test.
func lookup(t testing.TB, variable string) string {
	t.Helper()
	value := os.Getenv(variable)
	if value == "" {
		t.Skipf("needs a real server, and %s is not set: run `make test`", variable)
	}
	return value
}

// Kafka returns the address of the Apache Kafka that all tests share. Topics are not created on first use; a test creates those that it
// needs under names that no other test uses (see Name).
func Kafka(t testing.TB) string {
	t.Helper()
	return lookup(t, KafkaVariable)
}

// Name returns a name that no other test uses, for topics, groups and the like: the prefix and ten random characters.
func Name(prefix string) string {
	return prefix + "-" + strings.ToLower(rand.Text()[:10])
}

// FreeAddr returns an address of this machine, host:port, where nobody listens, for a server that the test starts. It stays the test's
// own, as far as systems don't hand it out by themselves.
func FreeAddr(t testing.TB) string {
	t.Helper()
	addr, err := server.FreeAddr(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// KafkaTool runs one of Kafka's console tools, a class such as org.apache.kafka.tools.TopicCommand, and returns what it printed. The test
// fails if the tool does.
func KafkaTool(t testing.TB, class string, args ...string) string {
	t.Helper()
	out, err := server.KafkaTool(lookup(t, KafkaLibsVariable), class, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Postgres returns the URL of an empty database that exists until the test ends.
func Postgres(t testing.TB) string {
	t.Helper()
	admin := lookup(t, PostgresVariable)
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatalf("%s: %v", PostgresVariable, err)
	}
	name := strings.ReplaceAll(Name("test"), "-", "_")
	execute(t, admin, "CREATE DATABASE "+name)
	t.Cleanup(func() { execute(t, admin, "DROP DATABASE "+name+" WITH (FORCE)") })
	u.Path = "/" + name
	return u.String()
}

// execute runs one statement in a connection of its own.
func execute(t testing.TB, url, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), cleanupLimit) // a cleanup has no t.Context any more
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }() // nothing is pending on it
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Redis returns the URL of an empty Redis database that is the test's own until it ends. Who has which database is written in database 0.
func Redis(t testing.TB) string {
	t.Helper()
	options, err := redis.ParseURL(lookup(t, RedisVariable))
	if err != nil {
		t.Fatalf("%s: %v", RedisVariable, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), cleanupLimit)
	defer cancel()
	options.DB = 0
	owners := redis.NewClient(options)
	t.Cleanup(func() { _ = owners.Close() }) // nothing is pending on it
	number := claim(ctx, t, owners)

	mine := *options
	mine.DB = number
	flush := func(ctx context.Context) {
		c := redis.NewClient(&mine)
		defer func() { _ = c.Close() }()
		if err := c.FlushDB(ctx).Err(); err != nil {
			t.Fatalf("empty Redis database %d (the server may have too few: set `databases`): %v", number, err)
		}
	}
	flush(ctx)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanupLimit)
		defer cancel()
		flush(ctx)
		if err := owners.Del(ctx, owner(number)).Err(); err != nil {
			t.Error(err)
		}
	})
	u := url.URL{Scheme: "redis", Host: options.Addr, Path: "/" + strconv.Itoa(number)}
	if options.Password != "" {
		u.User = url.UserPassword(options.Username, options.Password)
	}
	return u.String()
}

// claim takes the first database that no other test has.
func claim(ctx context.Context, t testing.TB, owners *redis.Client) int {
	t.Helper()
	for number := 1; ; number++ {
		taken, err := owners.SetNX(ctx, owner(number), t.Name(), claimTime).Result()
		if err != nil {
			t.Fatal(err)
		}
		if taken {
			return number
		}
	}
}

// owner is the key that says who has a database.
func owner(number int) string { return "tiffin-test-database-" + strconv.Itoa(number) }

// KafkaLibs returns the folder of Kafka's jars, the console tools' among them.
func KafkaLibs(t testing.TB) string {
	t.Helper()
	return lookup(t, KafkaLibsVariable)
}
