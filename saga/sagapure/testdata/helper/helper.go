// Package helper is called by the reactions of the tests.
package helper

import "time"

// Stamp reads the clock.
func Stamp() string { return stamp() }

func stamp() string { return time.Now().String() } // want "impure\.distant, a saga\.Does, reads the clock \(time\.Now\), by way of helper\.Stamp, helper\.stamp"

// Double is pure.
func Double(n int) int { return 2 * n }
