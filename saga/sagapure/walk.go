package sagapure

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// walker walks through what one reaction does.
type walker struct {
	*program
	pkg      *packages.Package // of the function that it is in
	role     string
	through  []string
	literal  *ast.FuncLit // the reaction itself, if it is written where it is declared
	receiver types.Object // the receiver, if others share what it points at
	parents  []ast.Node   // of the node that is looked at, outermost first
}

// visit is a function that has been walked through.
type visit struct {
	name   string
	shared bool
}

// enter walks through a function of the module, unless somebody has.
func (w *walker) enter(f *types.Func, shared bool) {
	name := fullName(f)
	callee := w.functions[name]
	if callee == nil || w.seen[visit{name, shared}] {
		return
	}
	w.seen[visit{name, shared}] = true
	inner := &walker{program: w.program, pkg: callee.pkg, role: w.role, through: append(slices.Clone(w.through), short(f))}
	if recv := callee.decl.Recv; shared && recv != nil && len(recv.List[0].Names) > 0 {
		inner.receiver = callee.pkg.TypesInfo.Defs[recv.List[0].Names[0]]
	}
	inner.walk(callee.decl.Body)
}

// short is a function's name as it is called: "fraud.Rules.judge".
func short(f *types.Func) string {
	name := f.Name()
	if recv := f.Signature().Recv(); recv != nil {
		t := recv.Type()
		if p, ok := t.(*types.Pointer); ok {
			t = p.Elem()
		}
		if named, ok := t.(*types.Named); ok {
			name = named.Obj().Name() + "." + name
		}
	}
	return f.Pkg().Name() + "." + name
}

func (w *walker) found(n ast.Node, what string) {
	file, line := w.place(w.pkg, n.Pos())
	w.findings = append(w.findings, Finding{Reaction: w.through[0], Role: w.role, What: what, File: file, Line: line, Through: w.through})
}

// walk looks at each node of a function's body, its closures included.
func (w *walker) walk(body ast.Node) {
	ast.Inspect(body, func(n ast.Node) bool {
		if n == nil {
			w.parents = w.parents[:len(w.parents)-1]
			return true
		}
		w.look(n)
		w.parents = append(w.parents, n)
		return true
	})
}

func (w *walker) look(n ast.Node) {
	switch n := n.(type) {
	case *ast.GoStmt:
		w.found(n, "starts a goroutine")
	case *ast.SendStmt, *ast.SelectStmt:
		w.found(n, "uses a channel")
	case *ast.UnaryExpr:
		switch n.Op {
		case token.ARROW:
			w.found(n, "uses a channel")
		case token.AND:
			w.write(n.X)
		}
	case *ast.RangeStmt:
		w.ranges(n)
	case *ast.AssignStmt:
		for _, l := range n.Lhs {
			w.write(l)
		}
	case *ast.IncDecStmt:
		w.write(n.X)
	case *ast.CallExpr:
		w.builtin(n)
	case *ast.Ident:
		w.mention(n, n, w.pkg.TypesInfo.Uses[n])
	}
}

func (w *walker) ranges(n *ast.RangeStmt) {
	switch w.pkg.TypesInfo.TypeOf(n.X).Underlying().(type) {
	case *types.Chan:
		w.found(n, "uses a channel")
	case *types.Map:
		if n.Key != nil && !blank(n.Key) || n.Value != nil && !blank(n.Value) {
			w.found(n, "goes over a map, in another order each time: go over slices.Sorted(maps.Keys(...))")
		}
	}
	if n.Tok == token.ASSIGN {
		for _, e := range []ast.Expr{n.Key, n.Value} {
			if e != nil {
				w.write(e)
			}
		}
	}
}

func blank(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "_"
}

// builtin looks at calls of functions that belong to no package.
func (w *walker) builtin(call *ast.CallExpr) {
	b, ok := objectOf(w.pkg, call.Fun).(*types.Builtin)
	if !ok {
		return
	}
	switch b.Name() {
	case "close":
		w.found(call, "uses a channel")
	case "make":
		if _, ok := w.pkg.TypesInfo.TypeOf(call).Underlying().(*types.Chan); ok {
			w.found(call, "uses a channel")
		}
	case "print", "println":
		w.found(call, "does I/O ("+b.Name()+")")
	case "delete", "clear", "copy":
		w.write(call.Args[0])
	}
}

// mention looks at a function or a variable that is named, whether it is called there or not.
func (w *walker) mention(n ast.Node, id *ast.Ident, o types.Object) {
	if o == nil || o.Pkg() == nil {
		return
	}
	f, isFunction := o.(*types.Func)
	if v, ok := o.(*types.Var); !isFunction && (!ok || !packageLevel(v)) {
		return
	}
	path := o.Pkg().Path()
	if what := refused(o); what != "" {
		if !w.sorted(o) {
			w.found(n, what)
		}
		return
	}
	switch {
	case isFunction && w.own[path]:
		w.enter(f, w.sharedReceiver(w.selector(id)))
	case w.foreign(path) && w.online[path] && !harmless(o):
		w.found(n, "uses "+path+", which can reach the network")
	}
}

// foreign says whether a package is neither the module's nor the standard library's, whose own packages have names without a dot.
func (w *walker) foreign(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !w.own[path] && strings.Contains(first, ".")
}

// selector is the expression that ends with the name: j.rules.judge, for judge.
func (w *walker) selector(id *ast.Ident) ast.Expr {
	if len(w.parents) > 0 {
		if s, ok := w.parents[len(w.parents)-1].(*ast.SelectorExpr); ok && s.Sel == id {
			return s
		}
	}
	return id
}

// sorted says whether a function that goes over a map is given to one that sorts what it gets.
func (w *walker) sorted(o types.Object) bool {
	if o.Pkg().Path() != "maps" {
		return false
	}
	calls := 0
	for _, n := range slices.Backward(w.parents) {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			continue
		}
		if calls++; calls == 2 { // the first is the call of the function itself
			outer := objectOf(w.pkg, call.Fun)
			return outer != nil && outer.Pkg() != nil && outer.Pkg().Path() == "slices" && strings.HasPrefix(outer.Name(), "Sorted")
		}
	}
	return false
}

// sharedReceiver says whether a method is called on what outlives the event: a package's variable, or what the reaction's own receiver
// holds.
func (w *walker) sharedReceiver(fun ast.Expr) bool {
	s, ok := unwrap(fun).(*ast.SelectorExpr)
	if !ok {
		return false
	}
	root, _ := w.rootOf(s.X)
	v, ok := root.(*types.Var)
	return ok && (packageLevel(v) || w.receiver != nil && root == w.receiver)
}

// write looks at an expression that is assigned to, or whose address is taken.
func (w *walker) write(e ast.Expr) {
	root, indirect := w.rootOf(e)
	v, ok := root.(*types.Var)
	if !ok {
		return
	}
	outside := w.literal != nil && !v.IsField() && (v.Pos() < w.literal.Pos() || v.Pos() >= w.literal.End())
	switch {
	case packageLevel(v):
		w.found(e, "writes the variable "+v.Name()+" of package "+v.Pkg().Name())
	case outside:
		w.found(e, "writes the variable "+v.Name()+", which outlives the event")
	case root == w.receiver && w.receiver != nil && indirect:
		w.found(e, "writes what its receiver "+v.Name()+" shares with other events")
	}
}

// rootOf is the variable that an expression leads to, and whether through a pointer, a slice or a map.
func (w *walker) rootOf(e ast.Expr) (root types.Object, indirect bool) {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e, indirect = x.X, true
		case *ast.SliceExpr:
			e, indirect = x.X, true
		case *ast.IndexExpr:
			if _, array := w.pkg.TypesInfo.TypeOf(x.X).Underlying().(*types.Array); !array {
				indirect = true
			}
			e = x.X
		case *ast.SelectorExpr:
			if id, ok := x.X.(*ast.Ident); ok {
				if _, pkg := w.pkg.TypesInfo.Uses[id].(*types.PkgName); pkg {
					return w.pkg.TypesInfo.Uses[x.Sel], indirect
				}
			}
			if s := w.pkg.TypesInfo.Selections[x]; s != nil && s.Indirect() {
				indirect = true
			}
			e = x.X
		case *ast.Ident:
			return w.pkg.TypesInfo.ObjectOf(x), indirect
		default:
			return nil, indirect
		}
	}
}

func packageLevel(v *types.Var) bool {
	return v.Pkg() != nil && v.Parent() == v.Pkg().Scope()
}
