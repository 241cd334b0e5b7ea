//go:build large

package simworld

import (
	"testing"

	"tiffin/saga/sagasim"
)

func TestLargeWhateverHappensTheBooksBalance(t *testing.T) {
	hunt(t, sagasim.Hunt{From: 1_000_000, Seeds: 20_000})
}

func TestLargeASeedRepeatsItsRun(t *testing.T) { repeats(t, 200) }

func TestLargeThousandsOfSagasAtOnce(t *testing.T) {
	hunt(t, sagasim.Hunt{Seeds: 4, Options: sagasim.Options{Sagas: 4000, Faults: 40}})
}
