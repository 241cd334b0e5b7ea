package door

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"

	"tiffin/producers/door/spool"
	"tiffin/saga/words"
)

// topicsName is the file in the spool's folder that remembers how many partitions the topics have, so that a door can
// accept before it has spoken to Kafka. It is a line of JSON, and a line with the checksum of it.
const topicsName = "topics"

// recall returns what is remembered of the topics. It is complete unless this is the first start, or one of a version with
// more topics.
func recall(dir string, topics []string) (known layout, complete bool, err error) {
	all, err := remembered(dir)
	if err != nil || all == nil {
		return nil, false, err
	}
	known = layout{}
	for _, name := range topics {
		if all[name] > 0 {
			known[name] = all[name]
		}
	}
	return known, len(known) == len(topics), nil
}

// remembered reads the file; nil if there is none.
func remembered(dir string) (all layout, err error) {
	path := filepath.Join(dir, topicsName)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("door: %w", err)
	}
	text, sum, _ := strings.Cut(string(data), "\n")
	if strings.TrimSpace(sum) != checksum(text) || json.Unmarshal([]byte(text), &all) != nil {
		return nil, fmt.Errorf("door: %s is damaged: remove it; the next start then asks Kafka", path)
	}
	return all, nil
}

// remember writes the layout, beside what is remembered of topics that other APIs had here. A crash leaves the old file or
// the new one.
func remember(dir string, topics layout) error {
	all, err := remembered(dir)
	if err != nil {
		return err
	}
	if all == nil {
		all = layout{}
	}
	maps.Copy(all, topics)
	data, err := json.Marshal(all, json.Deterministic(true))
	if err != nil {
		return err
	}
	path := filepath.Join(dir, topicsName)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(string(data) + "\n" + checksum(string(data)) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return errors.Join(os.Rename(path+".new", path), spool.Disk{}.SyncDir(dir))
}

func checksum(text string) string {
	return fmt.Sprintf("%08x", crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli)))
}

// learn asks Kafka for the layout, compares it with what is known of it, and remembers it. It returns nothing if ctx ends
// first.
func (d *Disk) learn(ctx context.Context, known layout) (layout, error) {
	found, err := findTopics(ctx, d.cfg.Kafka, d.cfg.Topics, len(known) == len(d.cfg.Topics), d.log) // a door that knows them is open
	if err != nil || found == nil {
		return nil, err
	}
	for name, partitions := range known {
		if found[name] != partitions {
			return nil, fmt.Errorf("door: topic %s has %s, and had %d when %s was written. A key's facts would go to another partition than those before, "+
				"and other processes still reckon with the old number. If that is meant, and all of them are restarted: remove the file and start again",
				name, words.Count(found[name], "partition"), partitions, filepath.Join(d.cfg.Spool.Dir, topicsName))
		}
	}
	if len(known) < len(found) {
		if err := remember(d.cfg.Spool.Dir, found); err != nil {
			return nil, fmt.Errorf("door: %w", err)
		}
	}
	return found, nil
}
