package schemas_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-json-experiment/json"

	"tiffin/schemas"
)

func golden(t testing.TB, eventType, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", eventType, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestGolden reads all that was ever sent. Never edit those files: see testdata/README.md.
func TestGolden(t *testing.T) {
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, entry := range entries {
		if entry.IsDir() {
			folders = append(folders, entry.Name())
		}
	}
	sameNames(t, folders, eventTypes(), "keep examples of %[1]s: testdata/%[1]s/full.json and minimal.json, without a newline at the end", "testdata/%s is of no fact")
	for _, fact := range schemas.All() {
		eventType := fact.EventType()
		schema := compile(t, eventType)
		entries, err := os.ReadDir(filepath.Join("testdata", eventType))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, entry := range entries {
			names = append(names, entry.Name())
			data := golden(t, eventType, entry.Name())
			if err := accepts(t, schema, data); err != nil {
				t.Errorf("%s/%s: the schema refuses it: %v", eventType, entry.Name(), err)
			}
			testGoldenFile(t, eventType, entry.Name(), data)
		}
		if !slices.Contains(names, "full.json") || !slices.Contains(names, "minimal.json") {
			t.Errorf("testdata/%s holds %q, want full.json and minimal.json among them", eventType, names)
		}
	}
}

func testGoldenFile(t *testing.T, eventType, name string, data []byte) {
	t.Helper()
	fact, err := schemas.Decode(eventType, data)
	if err != nil {
		t.Errorf("%s/%s: %v", eventType, name, err)
		return
	}
	encoded, err := schemas.Encode(fact)
	if err != nil || !bytes.Equal(encoded, data) {
		t.Errorf("%s/%s: was\n%s, is written as\n%s, %v", eventType, name, data, encoded, err)
	}
	if plain, err := json.Marshal(fact); err != nil || !bytes.Equal(plain, data) {
		t.Errorf("%s/%s: json.Marshal writes\n%s, %v", eventType, name, plain, err)
	}
	if allocations := testing.AllocsPerRun(10, func() {
		if fact.Validate() != nil {
			t.Error("a valid fact turned invalid")
		}
	}); allocations != 0 {
		t.Errorf("%s/%s: Validate allocates %v times, want none", eventType, name, allocations)
	}
}

func BenchmarkValidate(b *testing.B) {
	for _, eventType := range []string{"order.placed", "payment.requested", "payment.flagged", "meal.ready"} {
		fact, err := schemas.Decode(eventType, golden(b, eventType, "full.json"))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(eventType, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := fact.Validate(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, eventType := range []string{"order.placed", "payment.requested", "meal.ready"} {
		data := golden(b, eventType, "full.json")
		b.Run(eventType, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := schemas.Decode(eventType, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
