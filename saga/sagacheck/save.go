package sagacheck

import (
	"errors"
	"fmt"
	"go/format"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// replayVersion is of the format of replay files. A change that an older program would misread makes it one more.
const replayVersion = 1

// replayFile is a finding as it is kept: JSON, each step a line, so that two of them can be compared line by line.
type replayFile struct {
	Version  int    `json:"version"`
	World    string `json:"world"`
	Part     string `json:"part,omitzero"`
	What     string `json:"what"`
	Shortest bool   `json:"shortest,omitzero"`
	Steps    []Step `json:"steps"`
}

// WriteReplay writes a finding to keep it: its world's name, what is wrong, and the steps to it.
func WriteReplay(w io.Writer, f Finding) error {
	head, err := json.Marshal(replayFile{replayVersion, f.World, f.Part, f.What, f.Shortest, nil}, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	steps := make([]string, len(f.Steps))
	for i, s := range f.Steps {
		line, err := json.Marshal(s, json.Deterministic(true), jsontext.SpaceAfterColon(true), jsontext.SpaceAfterComma(true))
		if err != nil {
			return err
		}
		steps[i] = "\n    " + string(line)
	}
	_, err = io.WriteString(w, strings.TrimSuffix(string(head), "[]\n}")+"["+strings.Join(steps, ",")+"\n  ]\n}\n")
	return err
}

// maxReplayBytes bounds what is read: a thousand long steps.
const maxReplayBytes = 8 << 20

// ReadReplay reads what [WriteReplay] has written.
func ReadReplay(r io.Reader) (Finding, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxReplayBytes+1))
	if err != nil {
		return Finding{}, err
	}
	if len(data) > maxReplayBytes {
		return Finding{}, fmt.Errorf("not a replay: it has more than %d MiB", maxReplayBytes>>20)
	}
	var f replayFile
	if err := json.Unmarshal(data, &f); err != nil {
		return Finding{}, fmt.Errorf("not a replay: %w", err)
	}
	switch {
	case f.Version == 0:
		return Finding{}, errors.New(`not a replay: it has no "version"`)
	case f.Version != replayVersion:
		return Finding{}, fmt.Errorf("a replay of version %d, and this program reads version %d: use the one that wrote it", f.Version, replayVersion)
	case len(f.Steps) == 0:
		return Finding{}, errors.New("a replay without steps")
	}
	for i, s := range f.Steps {
		if _, known := deeds[s.Does]; !known || s.Who == "" {
			return Finding{}, fmt.Errorf("step %d of the replay: %q does %q, which is nothing that can be done", i, s.Who, s.Does)
		}
		for k := range s.Says {
			if err := s.Says[k].JSON.Compact(); err != nil { // as the facts' own is
				return Finding{}, fmt.Errorf("step %d of the replay: %w", i, err)
			}
		}
	}
	return Finding{World: f.World, Part: f.Part, What: f.What, Shortest: f.Shortest, Steps: f.Steps}, nil
}

// Home is where a Go test is to stand.
type Home struct {
	Package string   // its name: "worlds_test"
	World   string   // the Go expression there for the world
	Imports []string // which that needs
}

// Save writes findings into a directory, which it makes: for each way a replay (json), a diagram for Mermaid (mmd), and a Go test. Of
// several findings on one way it writes the first: whoever takes that way finds the others too.
func Save(dir string, home Home, findings ...Finding) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i, f := range findings {
		if len(f.Steps) == 0 || slices.ContainsFunc(findings[:i], f.sameWay) {
			continue
		}
		test, err := f.GoTest(home)
		if err != nil {
			return err
		}
		var replay strings.Builder
		if err := WriteReplay(&replay, f); err != nil {
			return err
		}
		name := filepath.Join(dir, f.fileName(i))
		for ending, contents := range map[string]string{".json": replay.String(), ".mmd": f.Mermaid(), "_test.go": test} {
			if err := os.WriteFile(name+ending, []byte(contents), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// fileName is what the files of the i-th finding are called, without what tells them apart: "one_order_2".
func (f Finding) fileName(i int) string {
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return '_'
	}, f.World)
	if name == "" {
		name = "world"
	}
	return fmt.Sprintf("%s_%d", name, i+1)
}

// deeds are all there are, with their names in Go.
var deeds = map[Deed]string{
	Starts: "Starts", Hears: "Hears", Expires: "Expires", Sends: "Sends", Answers: "Answers", Performs: "Performs",
	Repeats: "Repeats", Ages: "Ages", Forgets: "Forgets",
}

// GoTest is a Go test that replays the finding, to keep: it fails as long as anything is wrong on this way.
func (f Finding) GoTest(home Home) (string, error) {
	var b strings.Builder
	self := reflect.TypeFor[Finding]().PkgPath()
	fmt.Fprintf(&b, "package %s\n\nimport (\n\t\"testing\"\n\n", home.Package)
	imports := append(slices.Clone(home.Imports), self)
	slices.Sort(imports)
	for _, path := range slices.Compact(imports) {
		fmt.Fprintf(&b, "\t%q\n", path)
	}
	fmt.Fprintf(&b, ")\n\n// On this way it was found in the world %q that\n//\n//\t%s\n//\n", f.World, strings.ReplaceAll(f.What, "\n", "\n//\t"))
	for _, row := range strings.Split(strings.TrimRight(f.Diagram(), "\n"), "\n") {
		fmt.Fprintf(&b, "//\t%s\n", row)
	}
	fmt.Fprintf(&b, "func %s(t *testing.T) {\n\tr, err := sagacheck.Replay(%s, []sagacheck.Step{\n", f.testName(), home.World)
	for _, s := range f.Steps {
		b.WriteString("\t\t" + s.literal() + ",\n")
	}
	b.WriteString("\t})\n\tif err != nil {\n\t\tt.Fatal(err)\n\t}\n\tfor _, f := range r.Findings {\n\t\tt.Errorf(\"%s\\n\\n%s\", f.What, f.Diagram())\n\t}\n}\n")
	out, err := format.Source([]byte(b.String()))
	if err != nil {
		return "", fmt.Errorf("the test does not parse; is %q a Go expression, and %q the name of a package? %w", home.World, home.Package, err)
	}
	return string(out), nil
}

// testWords is how many words of what is wrong the name of the test has.
const testWords = 10

// testName is what is wrong, as the name of a test.
func (f Finding) testName() string {
	words := strings.FieldsFunc(f.What, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	name := "Test"
	for i, word := range words {
		if i < testWords {
			first, rest := []rune(word)[0], []rune(word)[1:]
			name += string(unicode.ToUpper(first)) + string(rest)
		}
	}
	if name == "Test" {
		name = "TestReplay"
	}
	return name
}

// literal is the step in Go, with what names the move.
func (s Step) literal() string {
	parts := []string{fmt.Sprintf("{Who: %q, Does: sagacheck.%s", s.Who, deeds[s.Does])}
	if s.Fact != "" {
		parts = append(parts, fmt.Sprintf("Fact: %q", s.Fact))
	}
	if s.Key != "" {
		parts = append(parts, fmt.Sprintf("Key: %q", s.Key))
	}
	if len(s.Chose) > 0 {
		var chose []string
		for _, c := range s.Chose {
			chose = append(chose, fmt.Sprintf("{Table: %q, Key: %q, Document: %q}", c.Table, c.Key, c.Document))
		}
		parts = append(parts, "Chose: []sagacheck.Chosen{"+strings.Join(chose, ", ")+"}")
	}
	if len(s.Says) > 0 && (s.Does == Starts || s.Does == Answers || s.Does == Performs) {
		var says []string
		for _, f := range s.Says {
			says = append(says, fmt.Sprintf("{Type: %q, Key: %q, JSON: []byte(%s)}", f.Type, f.Key, quoted(string(f.JSON))))
		}
		parts = append(parts, "Says: []sagacheck.Saying{"+strings.Join(says, ", ")+"}")
	}
	if len(s.Again) > 0 {
		parts = append(parts, fmt.Sprintf("Again: %#v", s.Again))
	}
	return strings.Join(parts, ", ") + "}"
}

func quoted(s string) string {
	if strconv.CanBackquote(s) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}
