package sagapure

import (
	"fmt"
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/packages"
)

// roles are the words of a declaration that take a function which must be pure, and at which place.
func roles() map[string]int {
	return map[string]int{
		"Does": 0, "Then": 0, "Undoes": 0, "Else": 0, "Once": 1, "On": 0, "Follows": 0, "Records": 0, "Refuses": 0, "TooLate": 0,
		"Performed": 0, "NotPerformed": 0, "Answers": 0, "Concerns": 0, "Loads": 0,
	}
}

// declaration looks at what a word of a declaration is given.
func (p *program) declaration(pkg *packages.Package, call *ast.CallExpr) {
	callee, ok := objectOf(pkg, call.Fun).(*types.Func)
	if !ok || callee.Pkg() == nil || callee.Pkg().Path() != sagaPath {
		return
	}
	if place, ok := roles()[callee.Name()]; ok && place < len(call.Args) {
		p.declared++
		w := &walker{program: p, pkg: pkg, role: "saga." + callee.Name()}
		w.given(call.Args[place])
	}
}

// given walks the function that an expression stands for.
func (w *walker) given(e ast.Expr) {
	switch e := unwrap(e).(type) {
	case *ast.FuncLit:
		file, line := w.place(w.pkg, e.Pos())
		w.through = []string{fmt.Sprintf("the function at %s:%d", file, line)}
		w.literal = e
		w.walk(e.Body)
		return
	case *ast.CallExpr: // a function that makes one: all that it can make is in it
		if conversion := w.pkg.TypesInfo.Types[e.Fun].IsType(); conversion && len(e.Args) == 1 {
			w.given(e.Args[0])
			return
		}
		if f, ok := objectOf(w.pkg, e.Fun).(*types.Func); ok && w.functions[fullName(f)] != nil {
			w.enter(f, w.sharedReceiver(e.Fun))
			return
		}
	default:
		switch o := objectOf(w.pkg, e).(type) {
		case *types.Func:
			if w.functions[fullName(o)] != nil {
				w.enter(o, true)
				return
			}
		case *types.Var:
			if values := assigned(w.pkg, o); len(values) > 0 {
				for _, v := range values {
					w.given(v)
				}
				return
			}
		}
	}
	w.through = []string{types.ExprString(e)}
	w.found(e, "can't be followed from here: give the declaration a function by its name, or write it there")
}

// assigned are all values that a variable is given, in its package; none if it is given any that can't be seen, such as an argument.
func assigned(pkg *packages.Package, v *types.Var) (values []ast.Expr) {
	seen := true
	give := func(names []ast.Expr, from []ast.Expr) {
		for i, name := range names {
			if id, ok := name.(*ast.Ident); !ok || pkg.TypesInfo.ObjectOf(id) != v {
				continue
			}
			switch {
			case len(from) == len(names):
				values = append(values, from[i])
			case len(from) > 0:
				seen = false
			}
		}
	}
	for _, file := range pkg.Syntax {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				give(n.Lhs, n.Rhs)
			case *ast.ValueSpec:
				names := make([]ast.Expr, len(n.Names))
				for i, name := range n.Names {
					names[i] = name
				}
				give(names, n.Values)
			}
			return true
		})
	}
	if !seen {
		return nil
	}
	return values
}

// objectOf is what an expression names; nil if it names nothing.
func objectOf(pkg *packages.Package, e ast.Expr) types.Object {
	switch e := unwrap(e).(type) {
	case *ast.Ident:
		return pkg.TypesInfo.ObjectOf(e)
	case *ast.SelectorExpr:
		return pkg.TypesInfo.ObjectOf(e.Sel)
	}
	return nil
}

// unwrap takes parentheses and type arguments away.
func unwrap(e ast.Expr) ast.Expr {
	for {
		switch inner := e.(type) {
		case *ast.ParenExpr:
			e = inner.X
		case *ast.IndexExpr:
			e = inner.X
		case *ast.IndexListExpr:
			e = inner.X
		default:
			return e
		}
	}
}

// fullName is the name of a function, without the type arguments that it has been given.
func fullName(o types.Object) string {
	if f, ok := o.(*types.Func); ok {
		return f.Origin().FullName()
	}
	return ""
}
