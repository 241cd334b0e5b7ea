package words_test

import (
	"slices"
	"testing"

	"tiffin/saga/words"
)

func TestCount(t *testing.T) {
	for noun, plural := range map[string]string{
		"fact": "facts", "currency": "currencies", "city": "cities", "key": "keys", "dish": "dishes", "batch": "batches", "process": "processes", "open order": "open orders",
	} {
		if got := words.Count(1, noun); got != "1 "+noun {
			t.Errorf("one is %q", got)
		}
		if got := words.Count(int64(2), noun); got != "2 "+plural {
			t.Errorf("two are %q, want 2 %s", got, plural)
		}
		if got := words.Count(0, noun); got != "0 "+plural {
			t.Errorf("none are %q, want 0 %s", got, plural)
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := words.Thousands(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		text, indent string
		columns      int
		want         []string
	}{
		{"money goes back", "", 10, []string{"money goes", "back"}},
		{"  money goes back", "    ", 12, []string{"  money goes", "    back"}},
		{"compensations are rare", "", 5, []string{"compensations", "are", "rare"}},
		{"Münze für Münze", "", 9, []string{"Münze für", "Münze"}},
		{"", "", 5, []string{""}},
	} {
		if got := words.Wrap(tt.text, tt.columns, tt.indent); !slices.Equal(got, tt.want) {
			t.Errorf("%q in %d columns is %q, want %q", tt.text, tt.columns, got, tt.want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"stock.reserved", "stock.released", "stock.rejected", "order.placed", "stock.released"}
	for name, want := range map[string][]string{
		"stock.reservd":  {"stock.reserved"},
		"order.plcaed":   {"order.placed"},
		"stock.re":       {"stock.rejected", "stock.released", "stock.reserved"},
		"order.placed":   {"order.placed"},
		"stock.rejeased": {"stock.released"},
		"":               {"order.placed"},
	} {
		if got := words.Nearest(name, known); !slices.Equal(got, want) {
			t.Errorf("nearest to %q is %q, want %q", name, got, want)
		}
	}
	if got := words.Nearest("order.placed", nil); got != nil {
		t.Errorf("of none %q is near", got)
	}
}
