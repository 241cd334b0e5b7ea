package contracts_test

import (
	"go/constant"
	"go/types"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"golang.org/x/tools/go/packages"
)

// schemaNames are those of the structs whose schemas are not named as they are.
var schemaNames = map[string]string{
	"problem.document": "Problem",
	"orders.item":      "PlacementItem",
	"orders.Receipt":   "OrderReceipt",
	"likes.opinion":    "Like",
	"likes.Receipt":    "LikeReceipt",
	"likes.Count":      "LikeCount",
	"likes.Top":        "GainedMost",
	"likes.TopPost":    "GainOfAPost",
	"views.Orders":     "OrderNumbers",
	"views.currencies": "MoneyNumbers",
	"views.Money":      "MoneyMoved",
	"views.likes":      "LikeNumbers",
	"views.Minute":     "LikesOfAMinute",
	"views.Day":        "LikesOfADay",
	"views.dishList":   "TopDishes",
	"views.Dish":       "TopDish",
	"views.postList":   "TopPosts",
	"views.Post":       "TopPost",
	"payments.payment": "PaymentInitiation",
	"payments.amount":  "PaymentAmount",
	"payments.Receipt": "PaymentReceipt",
}

// texts of their own: types whose JSON is a string of this format.
var formats = map[string]string{"time.Time": "date-time"}

// TestOpenAPIHasEveryStruct that the APIs read or write, member for member, and has no object that none of them is. The structs
// are found in the code, so that nobody can forget one.
func TestOpenAPIHasEveryStruct(t *testing.T) {
	s := structs{T: t, document: newContract(t).document, compared: map[string]bool{}}
	for _, p := range load(t, "tiffin/producers/...") {
		for _, name := range p.Types.Scope().Names() {
			declared, isType := p.Types.Scope().Lookup(name).(*types.TypeName)
			if !isType || !hasTags(declared.Type()) {
				continue
			}
			full := p.Types.Name() + "." + name
			schema, ok := schemaNames[full]
			if !ok {
				schema = strings.ToUpper(name[:1]) + name[1:]
			}
			if at(s.document, "components", "schemas", schema) == nil {
				t.Errorf("%s is read or written, and there is no schema %s", full, schema)
				continue
			}
			s.compare(full, declared.Type(), map[string]any{"$ref": "#/components/schemas/" + schema})
		}
	}
	for name, schema := range s.document["components"].(map[string]any)["schemas"].(map[string]any) {
		if schema.(map[string]any)["type"] == "object" && !s.compared[name] {
			t.Errorf("schema %s is that of no struct", name)
		}
	}
	if len(s.compared) < 10 {
		t.Errorf("only %v were found", slices.Sorted(maps.Keys(s.compared)))
	}
}

// load reads packages from their code.
func load(t *testing.T, pattern string) []*packages.Package {
	t.Helper()
	loaded, err := packages.Load(&packages.Config{Mode: packages.LoadSyntax, Dir: "../.."}, pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range loaded {
		if len(p.Errors) > 0 {
			t.Fatal(p.Errors)
		}
	}
	return loaded
}

// TestTheSiteHasEveryAPI: what is not on it is compared with nothing.
func TestTheSiteHasEveryAPI(t *testing.T) {
	s := newSite()
	for _, p := range load(t, "tiffin/producers/...") {
		if p.Types.Scope().Lookup("Routes") != nil && !slices.ContainsFunc(s.handler.Routes(), func(r *echo.Route) bool { return strings.HasPrefix(r.Name, p.PkgPath+".") }) {
			t.Errorf("%s.Routes is not called in newSite", p.PkgPath)
		}
	}
}

// TestOpenAPIHasEveryStatus of orders and payments, and every kind of message, in their order: the APIs pass on what the
// groups say.
func TestOpenAPIHasEveryStatus(t *testing.T) {
	document := newContract(t).document
	for _, test := range []struct{ schema, property, group, of string }{
		{"Order", "status", "orders", "Status"},
		{"Payment", "status", "payments", "Status"},
		{"Notification", "kind", "notification", "Kind"},
	} {
		scope := load(t, "tiffin/consumers/"+test.group)[0].Types.Scope()
		var constants []*types.Const
		for _, name := range scope.Names() {
			if c, ok := scope.Lookup(name).(*types.Const); ok && types.Identical(c.Type(), scope.Lookup(test.of).Type()) {
				constants = append(constants, c)
			}
		}
		slices.SortFunc(constants, func(a, b *types.Const) int { return int(a.Pos() - b.Pos()) })
		var want []any
		for _, c := range constants {
			want = append(want, constant.StringVal(c.Val()))
		}
		if got := at(document, "components", "schemas", test.schema, "properties", test.property, "enum"); !reflect.DeepEqual(got, want) || want == nil {
			t.Errorf("%s has the %s %v, and the document %v", test.group, test.property, want, got)
		}
	}
}

// hasTags says whether a type is a struct that says how it is written as JSON.
func hasTags(t types.Type) bool {
	s, ok := t.Underlying().(*types.Struct)
	for i := 0; ok && i < s.NumFields(); i++ {
		if _, tagged := reflect.StructTag(s.Tag(i)).Lookup("json"); tagged {
			return true
		}
	}
	return false
}

// structs compares Go types with schemas.
type structs struct {
	*testing.T
	document map[string]any
	compared map[string]bool // the names of schemas
}

// compare finds where a type and a schema differ. place says where they are.
func (s *structs) compare(place string, t types.Type, schema any) {
	if reference, _ := schema.(map[string]any)["$ref"].(string); reference != "" {
		s.compared[strings.TrimPrefix(reference, "#/components/schemas/")] = true
	}
	rules, _ := resolved(s.document, schema).(map[string]any)
	want := func(kind string) bool {
		if rules["type"] != kind {
			s.Errorf("%s is a %s, and in the document %v", place, t, rules["type"])
		}
		return rules["type"] == kind
	}
	if pointed, ok := t.(*types.Pointer); ok {
		t = pointed.Elem()
	}
	if format, ok := formats[types.TypeString(t, nil)]; ok {
		if want("string") && rules["format"] != format {
			s.Errorf("%s is a %s, and in the document it has the format %v", place, t, rules["format"])
		}
		return
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		switch {
		case u.Info()&types.IsString != 0:
			want("string")
		case u.Info()&types.IsInteger != 0:
			want("integer")
		case u.Info()&types.IsBoolean != 0:
			want("boolean")
		default:
			s.Errorf("%s is a %s: teach this test what it is in the document", place, t)
		}
	case *types.Slice:
		if want("array") {
			s.compare(place+"[]", u.Elem(), rules["items"])
		}
	case *types.Map:
		if want("object") {
			s.compare(place+"{}", u.Elem(), rules["additionalProperties"])
		}
	case *types.Struct:
		if want("object") {
			s.compareStruct(place, u, rules)
		}
	default:
		s.Errorf("%s is a %s: teach this test what it is in the document", place, t)
	}
}

func (s *structs) compareStruct(place string, t *types.Struct, rules map[string]any) {
	properties, required := s.members(rules)
	read := false // rather than written: whether a member is required is up to Check, and seen in what requests are answered
	for _, f := range fields(t) {
		read = read || f.extra
	}
	if read != (rules["additionalProperties"] == false) {
		s.Errorf("%s has an Extra: %v; and additionalProperties in the document: %v", place, read, rules["additionalProperties"])
	}
	for _, f := range fields(t) {
		switch {
		case f.extra:
		case properties[f.name] == nil:
			s.Errorf("%s has the member %s, and the document does not", place, f.name)
		default:
			if !read && required[f.name] == f.optional {
				s.Errorf("%s.%s may be absent: %v; and it is required in the document: %v", place, f.name, f.optional, required[f.name])
			}
			s.compare(place+"."+f.name, f.t, properties[f.name])
		}
		delete(properties, f.name)
	}
	for name := range properties {
		s.Errorf("%s has no member %s, and the document does", place, name)
	}
}

// members are an object's own and those of the ones that it is made of.
func (s *structs) members(rules map[string]any) (properties map[string]any, required map[string]bool) {
	properties, required = map[string]any{}, map[string]bool{}
	parts, _ := rules["allOf"].([]any)
	for _, part := range parts {
		s.compared[strings.TrimPrefix(part.(map[string]any)["$ref"].(string), "#/components/schemas/")] = true
		p, r := s.members(resolved(s.document, part).(map[string]any))
		maps.Copy(properties, p)
		maps.Copy(required, r)
	}
	own, _ := rules["properties"].(map[string]any)
	maps.Copy(properties, own)
	names, _ := rules["required"].([]any)
	for _, name := range names {
		required[name.(string)] = true
	}
	return properties, required
}

// field is a member of a struct's JSON.
type field struct {
	name     string
	t        types.Type
	optional bool // it is left out where it is empty
	extra    bool // it takes the members that nobody expects
}

func fields(t *types.Struct) (all []field) {
	for i := range t.NumFields() {
		v := t.Field(i)
		name, options, _ := strings.Cut(reflect.StructTag(t.Tag(i)).Get("json"), ",")
		embedded, isStruct := v.Type().Underlying().(*types.Struct)
		switch {
		case name == "-":
		case name == "" && v.Embedded() && isStruct:
			all = append(all, fields(embedded)...)
		case name == "":
			all = append(all, field{name: v.Name(), t: v.Type(), extra: options == "embed"})
		default:
			all = append(all, field{name, v.Type(), strings.HasPrefix(options, "omit"), false})
		}
	}
	return all
}
