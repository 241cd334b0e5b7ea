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

func TestNearest(t *testing.T) {
	known := []string{"stock.reserved", "stock.released", "stock.rejected", "order.placed"}
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
