package sagapure

import (
	"go/types"
	"strings"
)

// What is impure, in words.
const (
	clock   = "reads the clock"
	chance  = "draws a random number"
	io      = "does I/O"
	sharing = "synchronises with other goroutines"
	machine = "depends on the machine or the program"
	order   = "goes over a map, in another order each time: give it to slices.Sorted at once"
)

// wholePackages are packages of the standard library in which everything is impure, or is there for what is. A name that ends with
// a slash stands for all packages below it.
func wholePackages() map[string]string {
	return map[string]string{
		"crypto/rand": chance, "math/rand": chance, "math/rand/v2": chance, "hash/maphash": chance,
		"os": io, "os/": io, "net": io, "net/http": io, "net/http/": io, "net/rpc": io, "net/rpc/": io, "net/smtp": io, "io/fs": io, "io/ioutil": io,
		"database/sql": io, "database/sql/": io, "log": io, "log/": io, "syscall": io, "syscall/": io, "plugin": io, "expvar": io, "testing": io,
		"sync": sharing, "sync/atomic": sharing, "runtime": machine, "runtime/": machine, "unsafe": machine, "weak": machine,
	}
}

// single are functions and variables of packages that are pure otherwise.
func single() map[string]string {
	return map[string]string{
		"time.Now": clock, "time.Since": clock, "time.Until": clock, "time.Sleep": clock, "time.After": clock, "time.AfterFunc": clock,
		"time.Tick": clock, "time.NewTimer": clock, "time.NewTicker": clock, "context.WithTimeout": clock, "context.WithDeadline": clock,
		"context.WithTimeoutCause": clock, "context.WithDeadlineCause": clock,
		"time.Local": machine, "(time.Time).Local": machine, "time.LoadLocation": io,
		"fmt.Print": io, "fmt.Printf": io, "fmt.Println": io, "fmt.Scan": io, "fmt.Scanf": io, "fmt.Scanln": io,
		"path/filepath.Walk": io, "path/filepath.WalkDir": io, "path/filepath.Glob": io, "path/filepath.Abs": io, "path/filepath.EvalSymlinks": io,
		"maps.Keys": order, "maps.Values": order, "maps.All": order, "(reflect.Value).MapKeys": order, "(reflect.Value).MapRange": order,
	}
}

// refused is what is impure about a function or variable that a reaction mentions; "" if nothing is.
func refused(o types.Object) string {
	path, name := o.Pkg().Path(), o.Pkg().Path()+"."+o.Name()
	if f, ok := o.(*types.Func); ok {
		name = f.Origin().FullName()
	}
	if strings.HasPrefix(path, "github.com/google/uuid") && strings.HasPrefix(o.Name(), "New") && !deterministic(o.Name()) {
		return chance + " (uuid." + o.Name() + ")"
	}
	what := single()[name]
	for p, why := range wholePackages() {
		if path == p || strings.HasSuffix(p, "/") && strings.HasPrefix(path, p) {
			what = why
		}
	}
	if what == "" {
		return ""
	}
	return what + " (" + strings.NewReplacer("(", "", ")", "", "*", "").Replace(name) + ")"
}

// deterministic: these make an id of what they are given.
func deterministic(name string) bool {
	return name == "NewMD5" || name == "NewSHA1" || name == "NewHash"
}

// harmless says whether what a reaction mentions of a library that can reach the network does nothing of the kind.
func harmless(o types.Object) bool { return o.Pkg().Path() == "github.com/google/uuid" }
