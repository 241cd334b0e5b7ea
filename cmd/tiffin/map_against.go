package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tiffin/saga"
	"tiffin/saga/sagamap/contract"
	"tiffin/schemas"
)

// exportFile is where every version of the repository has its exported choreography.
const exportFile = "schemas/choreography.json"

// comparison is what `tiffin map --against=... --json` writes.
type comparison struct {
	Against  string            `json:"against"`
	Breaking bool              `json:"breaking"`
	Changes  []contract.Change `json:"changes"`
	NotSeen  []string          `json:"notSeen"` // what may have changed without being found
}

// compare says what has changed, and fails if anything of that is breaking.
func (c mapCommand) compare(ctx context.Context, out io.Writer, groups []*saga.Group) error {
	text, err := exported(ctx, c.Against)
	if err != nil {
		return usageError{err}
	}
	before, err := contract.Parse(text)
	if err != nil {
		return usageError{unreadable(c.Against, "what `tiffin map --export` writes", err)}
	}
	after, err := contract.Of(schemas.Schema, groups...)
	if err != nil {
		return err
	}
	changes := contract.Compare(before, after)
	if c.JSON {
		found := comparison{c.Against, contract.Broken(changes), changes, contract.NotSeen()}
		err = json.MarshalWrite(out, found, jsontext.WithIndent("  "))
		if err == nil {
			_, err = io.WriteString(out, "\n")
		}
	} else {
		_, err = io.WriteString(out, fold(contract.Text(changes), columns(out)))
	}
	if err == nil && contract.Broken(changes) {
		return errSaid
	}
	return err
}

// unreadable says what a file must be, and where it is wrong, in words of JSON; or what else is wrong with it.
func unreadable(file, what string, err error) error {
	if fault := schemas.InWords(err); fault != err {
		return fmt.Errorf("%s is not %s: %w", file, what, fault)
	}
	return fmt.Errorf("%s: %w", file, err)
}

// exported reads an export from a file, or from the repository as it was at a git ref.
func exported(ctx context.Context, source string) ([]byte, error) {
	if info, err := os.Stat(source); err == nil && info.Mode().IsRegular() {
		return os.ReadFile(source)
	}
	if _, err := git(ctx, "rev-parse", "--git-dir"); err != nil {
		return nil, fmt.Errorf("%s is no file, and can't be a git ref: %w", source, err)
	}
	commit, err := git(ctx, "rev-parse", "--verify", "--quiet", source+"^{commit}")
	if err != nil {
		return nil, fmt.Errorf("%s is no file, and no commit, branch or tag of this repository", source)
	}
	text, err := git(ctx, "show", strings.TrimSpace(string(commit))+":"+exportFile)
	if err != nil {
		return nil, fmt.Errorf("%s has no %s: choose a later one, or a file that `tiffin map --export` has written there", source, exportFile)
	}
	return text, nil
}

// git runs git, and returns what it prints.
func git(ctx context.Context, args ...string) ([]byte, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, errors.New("there is no git on this machine")
	}
	if err != nil {
		return nil, fmt.Errorf("git says: %s", strings.TrimSpace(strings.TrimPrefix(errs.String(), "fatal: ")))
	}
	return out.Bytes(), nil
}
