package saga

import "testing"

// A finding's place is the same whoever compiled it, and wherever.
func TestAFilesPathIsRelativeToItsModule(t *testing.T) {
	for _, tt := range []struct{ pkg, file, want string }{
		{"tiffin/consumers/kitchen", "/home/ann/tiffin/consumers/kitchen/kitchen.go", "consumers/kitchen/kitchen.go"},
		{"tiffin/consumers/kitchen", "tiffin/consumers/kitchen/kitchen.go", "consumers/kitchen/kitchen.go"}, // with -trimpath
		{"tiffin/consumers/kitchen", `C:\src\consumers\kitchen\kitchen.go`, "consumers/kitchen/kitchen.go"},
		{"tiffin/saga_test", "/src/saga/jobs_test.go", "saga/jobs_test.go"}, // an external test
		{"tiffin", "/src/main.go", "main.go"},
		{"tiffins/x", "/src/x/y.go", "x/y.go"}, // of no module that is known
		{"github.com/google/uuid", "/cache/github.com/google/uuid@v1.6.0/uuid.go", "uuid.go"},
		{"tiffin/nested/x", "/src/nested/x/y.go", "x/y.go"}, // a module within another
		{"tiffin/consumers/kitchen", "", ""},
	} {
		if got := pathIn([]string{"tiffin", "github.com/google/uuid", "tiffin/nested"}, tt.pkg, tt.file); got != tt.want {
			t.Errorf("%s of package %s is %s, want %s", tt.file, tt.pkg, got, tt.want)
		}
	}
}
