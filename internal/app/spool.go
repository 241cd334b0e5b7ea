package app

import (
	"fmt"
	"io"
	"time"

	"tiffin/producers/door/spool"
	"tiffin/saga/words"
)

// CheckSpool writes what is in the spool of an API that does not run, and returns whether it is whole.
func CheckSpool(dir string, w io.Writer) (whole bool, err error) {
	r, err := spool.Check(dir)
	if err != nil {
		return false, err
	}
	describeSpool(w, r)
	if len(r.Damages) > 0 {
		fmt.Fprintf(w, "`tiffin spool salvage %s` keeps every group that is whole, and puts copies of the damaged files aside.\n", dir)
	}
	return len(r.Damages) == 0, nil
}

// SalvageSpool mends a damaged spool, and writes what it has found and done.
func SalvageSpool(dir string, w io.Writer) error {
	r, err := spool.Salvage(dir)
	if err != nil {
		return err
	}
	describeSpool(w, r)
	if len(r.Damages) == 0 {
		fmt.Fprintln(w, "It is whole: nothing was changed.")
		return nil
	}
	for _, path := range r.Aside {
		fmt.Fprintf(w, "a copy of what was there is %s\n", path)
	}
	fmt.Fprintln(w, "It is mended: the next start sends what is above.")
	return nil
}

func describeSpool(w io.Writer, r *spool.Report) {
	fmt.Fprintf(w, "%s: %s in %s (%s) not on Kafka yet, as far as the spool knows\n", r.Dir,
		words.Count(r.Records, "record"), words.Count(r.Groups, "group"), words.Count(r.Bytes, "byte"))
	if !r.Oldest.IsZero() {
		fmt.Fprintf(w, "  the first of them was accepted at %s\n", r.Oldest.Local().Format(time.DateTime))
	}
	if r.Torn != "" {
		fmt.Fprintf(w, "  a crash has torn a group at %s, which nobody was promised\n", r.Torn)
	}
	for _, d := range r.Damages {
		fmt.Fprintf(w, "  damaged: %s\n", d)
	}
}
