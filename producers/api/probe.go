package api

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"tiffin/producers/problem"
	"tiffin/schemas"
)

// probeTimeout is how long a probe may take, and adviceTimeout, how long one that is only advisory. All are made at once.
const (
	probeTimeout  = 900 * time.Millisecond
	adviceTimeout = 200 * time.Millisecond
)

// Probe is something that an API needs to do its work.
type Probe struct {
	Name  string // "kafka"
	Check func(context.Context) error
	// Advisory: the API does its work without it, if not all of it. /readyz tells, and is ready all the same. It does not wait for
	// one that hangs either: whoever asks gives up after a second, as a rule.
	Advisory bool
}

func (p Probe) timeout() time.Duration {
	if p.Advisory {
		return adviceTimeout
	}
	return probeTimeout
}

// ready asks all probes. Orchestrators send no traffic to an instance that is not ready; they must not restart it, or an
// outage of Kafka would restart them all: /livez is for that, and asks nobody.
func ready(probes []Probe) echo.HandlerFunc {
	return func(c echo.Context) error {
		errs := make([]error, len(probes))
		var asking sync.WaitGroup
		for i, probe := range probes {
			asking.Go(func() { errs[i] = check(c.Request().Context(), probe) })
		}
		asking.Wait()
		var faults []schemas.Fault
		text := "ready\n"
		for i, probe := range probes {
			switch err := errs[i]; {
			case err == nil:
			case probe.Advisory:
				text += "without " + probe.Name + ": " + err.Error() + "\n"
			default:
				faults = append(faults, schemas.Fault{Pointer: "/" + probe.Name, Detail: err.Error()})
			}
		}
		if len(faults) > 0 {
			return &problem.Error{Code: problem.NotReady, Detail: "What errors name is not there.", Faults: faults}
		}
		return c.String(http.StatusOK, text)
	}
}

func check(ctx context.Context, probe Probe) error {
	ctx, cancel := context.WithTimeout(ctx, probe.timeout())
	defer cancel()
	return probe.Check(ctx)
}
