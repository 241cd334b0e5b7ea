package likes_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if arguments := os.Getenv(childVariable); arguments != "" {
		fmt.Fprintln(os.Stderr, "the child of a test ended:", childMain(arguments))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
