package sagacheck_test

import (
	"strings"
	"testing"

	"tiffin/saga/sagacheck"
)

func TestTheGoTestOfAFinding(t *testing.T) {
	f := tales()[3].finding(t)
	f.World, f.What = "shop", "ämter: an account is overdrawn; "+strings.Repeat("and so on ", 10)
	got, err := f.GoTest(sagacheck.Home{Package: "shop_test", World: "shop(stock(), bank())", Imports: []string{"example.com/b", "example.com/a"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"package shop_test\n\nimport (\n\t\"testing\"\n\n\t\"example.com/a\"\n\t\"example.com/b\"\n\t\"tiffin/saga/sagacheck\"\n)\n",
		"// On this way it was found in the world \"shop\" that\n",
		"func TestÄmterAnAccountIsOverdrawnAndSoOnAndSo(t *testing.T) {\n",
		"//	      ├────▶✗  held → bank\n",
		"sagacheck.Replay(shop(stock(), bank()), []sagacheck.Step{\n",
		"{Who: \"everybody\", Does: sagacheck.Starts, Says: []sagacheck.Saying{{Type: \"placed\", Key: \"o1\", JSON: []byte(`{\"ID\":\"o1\"}`)}}},\n",
		"{Who: \"bank\", Does: sagacheck.Hears, Fact: \"held\", Key: \"o1\", Chose: []sagacheck.Chosen{{Table: \"accounts\", Key: \"ann\", Document: \"accounts ann: balance 0\"}}},\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
	if _, err := f.GoTest(sagacheck.Home{Package: "shop_test", World: "shop("}); err == nil || !strings.Contains(err.Error(), `is "shop(" a Go expression`) {
		t.Errorf("%v", err)
	}
}

func TestAFindingWithoutAWayIsNotKept(t *testing.T) {
	dir := t.TempDir() + "/new"
	f := sagacheck.Finding{World: "w", What: "an end is missing"}
	if err := sagacheck.Save(dir, sagacheck.Home{Package: "p", World: "world()"}, f); err != nil {
		t.Fatal(err)
	}
	if got := f.Diagram(); got != "  ✗ an end is missing\n" {
		t.Errorf("drawn as %q", got)
	}
}
