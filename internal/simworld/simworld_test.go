package simworld

import (
	"testing"

	"tiffin/saga/sagasim"
)

// A few hundred runs in every go test.
func TestNothingIsWrong(t *testing.T) {
	w, err := World()
	if err != nil {
		t.Fatal(err)
	}
	if r := w.Hunt(t.Context(), sagasim.Hunt{Seeds: 400}); r.Failed != nil {
		t.Error(r)
	} else {
		t.Log(r)
	}
}
