package api

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tiffin/producers/problem"
	"tiffin/schemas"
)

// probeTimeout is how long one probe may take.
const probeTimeout = time.Second

// Probe is something that an API needs to do its work.
type Probe struct {
	Name  string // "kafka"
	Check func(context.Context) error
	// Advisory: the API does its work without it, if not all of it. /readyz tells, and is ready all the same.
	Advisory bool
}

// ready asks all probes. Orchestrators send no traffic to an instance that is not ready; they must not restart it, or an
// outage of Kafka would restart them all: /livez is for that, and asks nobody.
func ready(probes []Probe) echo.HandlerFunc {
	return func(c echo.Context) error {
		var faults []schemas.Fault
		text := "ready\n"
		for _, probe := range probes {
			switch err := check(c.Request().Context(), probe); {
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
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return probe.Check(ctx)
}
