// Package sagapure looks in the source for reactions that are not pure. It is for tests:
//
//	found, err := sagapure.Check("..", "./consumers/...")
//
// Reactions take documents and an event, change the documents, and return facts: no clock, no chance, no I/O, no goroutine, no state of
// the program. Whoever explores or tests them runs them twice and compares, which sees what differs between two runs a moment apart.
// The source shows the rest: a clock that is read on the one day a year when it matters, a package's variable, a goroutine.
//
// It finds what a declaration is given (saga.Does, Then, Undoes, Else, Once, On, Follows, Records, Refuses, TooLate, Performed,
// NotPerformed, Answers, Concerns, Loads), and follows what that calls, within the module: functions, methods, closures, and functions
// that are only mentioned, for who mentions one may call it. What an effect performs and what a mirror does are no reactions.
//
// # What it does not see
//
// It does not follow calls through interfaces and functions that come in variables, nor into libraries: of these, all that can reach the
// network is refused, and from the standard library what package policy lists. State that is reached through an argument is not seen to
// be shared. On the other hand each loop over a map is refused, for its order can reach what is said, unless the loop does not
// look at what it gets; where the order does not matter, sorted keys cost little.
package sagapure

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"

	"tiffin/saga"
)

// Finding is something impure that a reaction does.
type Finding struct {
	Reaction string   // the function that the declaration is given: "kitchen.ask"
	Role     string   // what it is given to: "saga.Does"
	What     string   // what is impure: "reads the clock (time.Now)"
	File     string   // where, relative to the module
	Line     int      // and in which line
	Through  []string // the functions on the way there, from the reaction on
}

// String is the finding in one line.
func (f Finding) String() string {
	way := ""
	if len(f.Through) > 1 {
		way = ", by way of " + strings.Join(f.Through[1:], ", ")
	}
	return fmt.Sprintf("%s:%d: %s, a %s, %s%s", f.File, f.Line, f.Reaction, f.Role, f.What, way)
}

// Check looks at all reactions in the packages that match the patterns, as the go command does in this directory, and at what they
// call. What it finds is sorted by place. It fails if the packages can't be loaded, or declare nothing.
func Check(dir string, patterns ...string) ([]Finding, error) {
	p, err := load(dir, patterns)
	if err != nil {
		return nil, err
	}
	for _, pkg := range p.declaring {
		for _, file := range pkg.Syntax {
			ast.Inspect(file, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					p.declaration(pkg, call)
				}
				return true
			})
		}
	}
	if p.declared == 0 {
		return nil, fmt.Errorf("sagapure: %s in %s: nobody declares a reaction there", strings.Join(patterns, " "), dir)
	}
	slices.SortFunc(p.findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), strings.Compare(a.What, b.What))
	})
	return p.findings, nil
}

// sagaPath is the import path of package saga: whoever has it under another name gives it this one.
var sagaPath = reflect.TypeFor[saga.Group]().PkgPath()

// program is the source of a module, as far as reactions may call it.
type program struct {
	declaring []*packages.Package  // those with the declarations
	functions map[string]*function // by full name
	online    map[string]bool      // packages of others that can reach the network
	own       map[string]bool      // packages of the module
	root      string               // the module's directory
	seen      map[visit]bool
	declared  int // how many functions declarations are given
	findings  []Finding
}

// function is one that is declared in the module.
type function struct {
	pkg  *packages.Package
	decl *ast.FuncDecl
}

// load finds the packages and those of the module that they import, and reads the latter's source. Package saga is trusted, and what
// others have written is known by its types alone.
func load(dir string, patterns []string) (*program, error) {
	listed, err := packages.Load(&packages.Config{Dir: dir, Mode: packages.NeedName | packages.NeedImports | packages.NeedDeps | packages.NeedModule}, patterns...)
	if err != nil {
		return nil, fmt.Errorf("sagapure: %w", err)
	}
	p := &program{functions: map[string]*function{}, online: map[string]bool{}, own: map[string]bool{}, seen: map[visit]bool{}}
	var sources []string
	packages.Visit(listed, nil, func(pkg *packages.Package) { // those imported come before those that import them
		for path := range pkg.Imports {
			p.online[pkg.PkgPath] = p.online[pkg.PkgPath] || path == "net" || p.online[path]
		}
		if pkg.Module != nil && pkg.Module.Main {
			p.root, p.own[pkg.PkgPath] = pkg.Module.Dir, true
			if pkg.PkgPath != sagaPath {
				sources = append(sources, pkg.PkgPath)
			}
		}
	})
	if len(sources) == 0 {
		return nil, fmt.Errorf("sagapure: %s in %s: no package of a module", strings.Join(patterns, " "), dir)
	}
	const mode = packages.NeedName | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo
	loaded, err := packages.Load(&packages.Config{Dir: dir, Mode: mode, Fset: token.NewFileSet()}, sources...)
	if err != nil {
		return nil, fmt.Errorf("sagapure: %w", err)
	}
	for _, pkg := range loaded {
		for _, fault := range pkg.Errors {
			err = errors.Join(err, fault)
		}
		if slices.ContainsFunc(listed, func(l *packages.Package) bool { return l.PkgPath == pkg.PkgPath }) {
			p.declaring = append(p.declaring, pkg)
		}
		p.declares(pkg)
	}
	if err != nil {
		return nil, fmt.Errorf("sagapure: the source has faults: %w", err)
	}
	return p, nil
}

func (p *program) declares(pkg *packages.Package) {
	for _, file := range pkg.Syntax {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				p.functions[fullName(pkg.TypesInfo.Defs[f.Name])] = &function{pkg, f}
			}
		}
	}
}

// place is where something is, relative to the module.
func (p *program) place(pkg *packages.Package, at token.Pos) (file string, line int) {
	position := pkg.Fset.Position(at)
	file = position.Filename
	if rel, err := filepath.Rel(p.root, file); err == nil {
		file = filepath.ToSlash(rel)
	}
	return file, position.Line
}
