// Package updates compares the functions on updates with yjs.
package updates

import (
	"fmt"
	"testing"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/test/oracle"
)

func TestUpdates(t *testing.T) {
	t.Parallel()
	oracle.Run(t, oracle.Test{
		Section: "updates",
		Share:   2,
		Check:   check,
		Must: []string{"V1", "V2", "pending structs", "split surrogates", "wide client id", "subdocument", "legacy JSON", "gc off",
			"merged", "partial", "shuffled", "duplicated", "undo", "nested", "xml", "embed", "format", "lone surrogate", "crowd", "large"},
	})
}

func check(c *oracle.Case) error {
	for i, r := range c.Records {
		if err := checkRecord(r); err != nil {
			return fmt.Errorf("record %d: %w", i, err)
		}
	}
	return nil
}

func checkRecord(r oracle.Record) error {
	f := r.Fields
	switch r.Kind {
	case oracle.Merge:
		got, err := merge(r.Version, f[1:])
		return compare("merge", r, r.Version, got, err, f[0])
	case oracle.Diff:
		got, err := diff(r.Version, f[0], f[1])
		return compare("diff", r, r.Version, got, err, last(r))
	case oracle.Vector:
		got, err := vector(r.Version, f[0])
		if e := outcome("state vector", r, err); e != nil || err != nil {
			return e
		}
		return oracle.SameBytes("state vector", got, last(r))
	case oracle.Convert:
		got, err := convert(r.Version, f[0])
		return compare("conversion", r, 3-r.Version, got, err, last(r))
	}
	return fmt.Errorf("unexpected record of kind %d", r.Kind)
}

func last(r oracle.Record) []byte { return r.Fields[len(r.Fields)-1] }

// compare checks that Go refuses what yjs refuses and else answers the same update.
func compare(what string, r oracle.Record, version uint8, got []byte, err error, want []byte) error {
	if e := outcome(what, r, err); e != nil || err != nil {
		return e
	}
	return oracle.SameUpdate(fmt.Sprintf("%s of V%d", what, r.Version), version, got, want)
}

func outcome(what string, r oracle.Record, err error) error {
	switch {
	case err != nil && !r.Threw():
		return fmt.Errorf("%s of V%d: yjs answers, Go: %w", what, r.Version, err)
	case err == nil && r.Threw():
		return fmt.Errorf("%s of V%d: yjs throws, Go answers", what, r.Version)
	}
	return nil
}

func merge(version uint8, updates [][]byte) ([]byte, error) {
	if version == 1 {
		return crdt.MergeUpdates(updates)
	}
	return crdt.MergeUpdatesV2(updates)
}

func diff(version uint8, update, sv []byte) ([]byte, error) {
	if version == 1 {
		return crdt.DiffUpdate(update, sv)
	}
	return crdt.DiffUpdateV2(update, sv)
}

func vector(version uint8, update []byte) ([]byte, error) {
	if version == 1 {
		return crdt.StateVectorFromUpdate(update)
	}
	return crdt.StateVectorFromUpdateV2(update)
}

func convert(version uint8, update []byte) ([]byte, error) {
	if version == 1 {
		return crdt.ConvertUpdateFormatV1ToV2(update)
	}
	return crdt.ConvertUpdateFormatV2ToV1(update)
}
