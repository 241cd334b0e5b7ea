package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tiffin/internal/testservers"
)

// The README's tour is true: each of its commands, run against `up`, prints what stands there. In what it prints, "..."
// stands for anything, and a line of "..." for any lines.
func TestTheTourIsTrue(t *testing.T) {
	libs := testservers.KafkaLibs(t)
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	kafkaAddr := testservers.FreeAddr(t)
	s := &site{t: t, env: append(environ(t), "TIFFIN_DATA="+data, "TIFFIN_KAFKA_ADDR="+kafkaAddr,
		"TIFFIN_POSTGRES_ADDR="+testservers.FreeAddr(t), "TIFFIN_REDIS_ADDR="+testservers.FreeAddr(t))}
	up := s.start(true, "up").ready()
	s.tour(string(readme), libs, up.api, kafkaAddr)
}

// It is as true of separate processes, each a service of docker-compose.yml with its very command and environment, on a real
// Kafka, PostgreSQL and Redis.
func TestTheTourIsTrueOfSeparateServices(t *testing.T) {
	libs := testservers.KafkaLibs(t)
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	s, gate, kafkaAddr := startCompose(t)
	s.tour(string(readme), libs, gate, kafkaAddr)
}

// tour runs the README's commands.
func (s *site) tour(readme, libs, api, kafkaAddr string) {
	t := s.t
	here := strings.NewReplacer("http://127.0.0.1:8080", "http://"+api, "127.0.0.1:9092", kafkaAddr, "bin/tiffin", binary)
	shell := newShell(t, s.env, tools(t, libs))
	for _, c := range append(consoleCommands(readme), tableCommands(readme)...) {
		got := shell.run(here.Replace(c.line))
		if want := here.Replace(c.prints); !matches(want, got) {
			t.Errorf("$ %s\nprints\n%s\nthe README says\n%s", c.line, got, want)
		}
	}
}

type command struct{ line, prints string }

// consoleCommands are those of the console blocks: a line after "$ ", and what it prints.
func consoleCommands(readme string) (out []command) {
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(readme, -1) {
		for line := range strings.Lines(block[1]) {
			if after, found := strings.CutPrefix(line, "$ "); found {
				out = append(out, command{line: strings.TrimSpace(after)})
			} else {
				out[len(out)-1].prints += line
			}
		}
	}
	return out
}

// tableCommands are those of the table of ends: a row is the end, the command, and what it prints.
func tableCommands(readme string) (out []command) {
	_, table, _ := strings.Cut(readme, "| end | command | prints |")
	row := regexp.MustCompile("^\\| [^|]+ \\| `(.*)` \\| (`.*`) \\|$")
	for line := range strings.Lines(table) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "|") {
			break
		}
		if m := row.FindStringSubmatch(line); m != nil {
			prints := strings.Trim(strings.ReplaceAll(m[2], "` `", "\n"), "`")
			out = append(out, command{strings.ReplaceAll(m[1], `\|`, "|"), prints})
		}
	}
	return out
}

func matches(want, got string) bool {
	var pattern strings.Builder
	for line := range strings.Lines(strings.TrimSpace(want) + "\n") {
		if strings.TrimSpace(line) == "..." {
			pattern.WriteString(`(?:.*\n)*`)
			continue
		}
		parts := strings.Split(strings.TrimRight(line, "\n"), "...")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		pattern.WriteString(strings.Join(parts, ".*") + `[ ]*\n`)
	}
	got = strings.ReplaceAll(strings.TrimSpace(got), "\r", "") + "\n"
	return strings.TrimSpace(want) == "" && strings.TrimSpace(got) == "" || regexp.MustCompile(`^`+pattern.String()+`$`).MatchString(got)
}

// tools are Kafka's console tools as scripts, as its distribution has them.
func tools(t *testing.T, libs string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, class := range map[string]string{
		"kafka-topics.sh": "org.apache.kafka.tools.TopicCommand", "kafka-console-consumer.sh": "org.apache.kafka.tools.consumer.ConsoleConsumer",
		"kafka-console-producer.sh": "org.apache.kafka.tools.ConsoleProducer", "kafka-consumer-groups.sh": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
	} {
		script := fmt.Sprintf("#!/bin/sh\nexec java -Xshare:auto -XX:TieredStopAtLevel=1 -cp '%s/*' %s \"$@\" 2>/dev/null\n", libs, class)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// shell is one bash in which the commands run one after the other, so that they share variables and functions.
type shell struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
}

const mark = "--- the command has ended ---"

func newShell(t *testing.T, env []string, path string) *shell {
	t.Helper()
	cmd := exec.Command("bash")
	cmd.Env = append(env, "PATH="+path+":"+os.Getenv("PATH"))
	cmd.Stderr = &bytes.Buffer{}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &shell{t, in, bufio.NewReader(out)}
}

func (s *shell) run(line string) string {
	s.t.Helper()
	if _, err := fmt.Fprintf(s.in, "%s\necho; echo '%s'\n", line, mark); err != nil {
		s.t.Fatal(err)
	}
	hung := time.AfterFunc(2*time.Minute, func() { panic("this command of the README does not end: " + line) })
	defer hung.Stop()
	var got strings.Builder
	for {
		text, err := s.out.ReadString('\n')
		if err != nil {
			s.t.Fatalf("%s: %v", line, err)
		}
		if strings.TrimSpace(text) == mark {
			return strings.TrimSpace(got.String())
		}
		got.WriteString(text)
	}
}

// The picture in DESIGN.md is what `tiffin map` draws (the README's is kept by cmd/tiffin). To draw it anew: TIFFIN_UPDATE=1 go test ./internal/e2e -run Picture
func TestThePictureInDesignIsTheDeclaration(t *testing.T) {
	const begin, end = "<!-- map -->\n```mermaid\n", "```\n<!-- /map -->"
	design, err := os.ReadFile("../../DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(design), begin)
	picture, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatal("DESIGN.md has no map between <!-- map --> and <!-- /map -->")
	}
	drawn := (&site{t: t, env: environ(t)}).tiffin("map", "--format=mermaid")
	if picture == drawn {
		return
	}
	if os.Getenv("TIFFIN_UPDATE") == "" {
		t.Fatalf("the picture is not what is declared; draw it anew with TIFFIN_UPDATE=1. It should be\n%s", drawn)
	}
	if err := os.WriteFile("../../DESIGN.md", []byte(before+begin+drawn+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The tutorial's code is code that is tested: its facts, which are in package schemas there, beside the group.
func TestTheTutorialIsTheExample(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("../../consumers/example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) == 0 {
		t.Fatal("README.md has no Go code")
	}
	for _, block := range blocks {
		for part := range strings.SplitSeq(block[1], "\n\n") {
			if !strings.Contains(strings.ReplaceAll(string(example), "schemas.", ""), strings.ReplaceAll(strings.TrimSpace(part), "schemas.", "")) {
				t.Errorf("this is not in consumers/example_test.go:\n%s", part)
			}
		}
	}
}
