package app

import (
	"context"
	"time"

	"tiffin/internal/audit"
)

// Audit checks the books of all consumer groups. It waits for a quiet moment, so long at most.
func Audit(ctx context.Context, cfg Config, wait time.Duration) (audit.Report, error) {
	cfg = cfg.WithDefaults()
	groups, err := cfg.Groups()
	if err != nil {
		return audit.Report{}, err
	}
	client, err := openKafka(ctx, cfg)
	if err != nil {
		return audit.Report{}, err
	}
	defer client.Close()
	report, err := audit.Run(ctx, audit.Config{DatabaseURL: cfg.DatabaseURL, Groups: groups, Kafka: client, Wait: wait})
	return report, noDatabase(err)
}
