package e2e

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"tiffin/internal/app"
	"tiffin/internal/testservers"
)

// maxComposeBytes is what all memory limits of docker-compose.yml may come to.
const maxComposeBytes = 1_500_000_000

// compose reads docker-compose.yml as Docker Compose does.
func compose(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"../../docker-compose.yml"}, cli.WithName("tiffin"))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// ours says whether a service is a part of Tiffin.
func ours(s types.ServiceConfig) bool { return s.Image == "tiffin" }

// target is the one that a service runs; "" if it does something else.
func target(s types.ServiceConfig) string {
	for _, arg := range s.Command {
		if name, found := strings.CutPrefix(arg, "--target="); found && s.Command[0] == "run" {
			return name
		}
	}
	return ""
}

func TestComposeHasAServiceForEachTarget(t *testing.T) {
	var got []string
	for name, s := range compose(t).Services {
		if ours(s) && target(s) != "" {
			got = append(got, target(s))
			if name != target(s) {
				t.Errorf("service %s runs %s", name, target(s))
			}
		}
	}
	want, err := app.Config{}.Targets()
	if err != nil {
		t.Fatal(err)
	}
	want = want[1:] // all but "all"
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("services for %v, targets are %v", got, want)
	}
}

func TestComposeIsBoundedAndWatched(t *testing.T) {
	project := compose(t)
	var sum int64
	for name, s := range project.Services {
		if s.MemLimit <= 0 {
			t.Errorf("%s has no memory limit", name)
		}
		sum += int64(s.MemLimit)
		if once := s.Restart == types.RestartPolicyOnFailure; !once && (s.HealthCheck == nil || s.HealthCheck.Disable) {
			t.Errorf("%s has no health check", name)
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s opens port %s to everybody", name, port.Published)
			}
		}
		if spools := strings.HasSuffix(target(s), "-api") && target(s) != "views-api"; spools && len(s.Volumes) != 1 {
			t.Errorf("%s has %d volumes, its spool needs one", name, len(s.Volumes))
		}
	}
	if sum >= maxComposeBytes {
		t.Errorf("the memory limits come to %d bytes, want less than %d", sum, maxComposeBytes)
	}
	t.Logf("the memory limits come to %d MB", sum/1_000_000)
	listeners := project.Services["kafka"].Environment["KAFKA_ADVERTISED_LISTENERS"]
	if listeners == nil || !strings.Contains(*listeners, "127.0.0.1:9092") || !strings.Contains(*listeners, "kafka:19092") {
		t.Error("Kafka needs a listener for the host, and one for the network")
	}
}

// The commands of the README's tour find Compose's servers where they look by themselves.
func TestCommandsFindComposesServers(t *testing.T) {
	project := compose(t)
	cfg := app.Config{}.WithDefaults()
	there, err := url.Parse(cfg.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	inside, err := url.Parse(*project.Services["orders"].Environment["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	if there.User.String() != inside.User.String() || there.Path != inside.Path {
		t.Errorf("commands log in as %s at %s, services as %s at %s", there.User, there.Path, inside.User, inside.Path)
	}
	for name, addr := range map[string]string{"postgres": there.Host, "kafka": cfg.Kafka.Brokers[0], "gateway": cfg.APIAddr} {
		port := project.Services[name].Ports[0]
		if port.HostIP+":"+port.Published != addr {
			t.Errorf("%s is on %s:%s, commands look on %s", name, port.HostIP, port.Published, addr)
		}
	}
}

var location = regexp.MustCompile(`location (\S+) \{ set \$+api ([a-z-]+); proxy_pass http://\$+api:8080; \}`)

// gateway does what docker-compose.yml has nginx do: it sends each path to an API, the longest location first.
func gateway(t *testing.T, project *types.Project, addrs map[string]string) string {
	t.Helper()
	routes := http.NewServeMux()
	found := 0
	for _, m := range location.FindAllStringSubmatch(project.Configs["gateway"].Content, -1) {
		path, service := m[1], m[2]
		if addrs[service] == "" {
			t.Fatalf("location %s leads to %s, which does not run", path, service)
		}
		found++
		proxy := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: addrs[service]})
			r.Out.Host = r.In.Host
		}}
		for _, pattern := range []string{strings.TrimSuffix(path, "/"), strings.TrimSuffix(path, "/") + "/"} {
			if pattern != "" {
				routes.Handle(pattern, proxy)
			}
		}
	}
	if found == 0 {
		t.Fatal("the gateway has no locations")
	}
	server := httptest.NewServer(routes)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// startCompose runs each of Tiffin's services with its very command and environment, on real servers that belong to the
// test. Only the names of hosts, and ports, are others.
func startCompose(t *testing.T) (s *site, gate, kafkaAddr string) {
	t.Helper()
	project := compose(t)
	kafka, postgres, redis := testservers.StartKafka(t), testservers.StartPostgres(t), testservers.StartRedis(t)
	s = &site{t: t, env: append(environ(t), "KAFKA_BROKERS="+kafka.Addr(), "DATABASE_URL="+postgres.URL(), "REDIS_URL="+redis.URL()), binary: plainBinary(t)}
	servers := map[string]string{"KAFKA_BROKERS": kafka.Addr(), "DATABASE_URL": postgres.URL(), "REDIS_URL": redis.URL()}
	env := func(c types.ServiceConfig) (env []string) {
		env = environ(t)
		for name, value := range c.Environment {
			if there, found := servers[name]; found {
				value = &there
			}
			env = append(env, name+"="+*value)
		}
		return env
	}
	for _, once := range []string{"topics", "seed"} {
		c := project.Services[once]
		(&site{t: t, env: env(c), binary: s.binary}).tiffin(c.Command...)
	}
	addrs := map[string]string{}
	var all []*process
	for name, c := range project.Services {
		if !ours(c) || target(c) == "" {
			continue
		}
		addr := testservers.FreeAddr(t)
		own := &site{t: t, binary: s.binary, env: append(env(c), "TIFFIN_SPOOL_DIR="+t.TempDir(), "TIFFIN_API_ADDR="+addr, "TIFFIN_OPS_ADDR="+addr)}
		p := own.start(false, c.Command...)
		p.api, addrs[name] = addr, addr
		all = append(all, p)
	}
	for _, p := range all {
		p.ready()
	}
	return s, gateway(t, project, addrs), kafka.Addr()
}

// plainBinary is the program as it is shipped: so many processes with the race detector would take minutes to start.
func plainBinary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiffin")
	if out, err := exec.Command("go", "build", "-o", path, "tiffin/cmd/tiffin").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}
