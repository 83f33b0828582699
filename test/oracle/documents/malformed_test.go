package documents

import (
	"fmt"
	"testing"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/test/oracle"
)

// TestMalformed feeds injured updates. Go never panics; where both accept an update they agree on what it means. Which
// of them are accepted may differ: Go checks an update as a whole before it applies it, while yjs keeps what it
// integrated before it noticed, tolerates some contradictions, and has no limits.
func TestMalformed(t *testing.T) {
	t.Parallel()
	var counts [2][2]int // [yjs accepts][Go accepts]
	endless := 0
	oracle.Run(t, oracle.Test{
		Section: "malformed",
		Share:   20,
		Must:    []string{"yjs accepted", "yjs refused"},
		Check: func(c *oracle.Case) error {
			for i, r := range c.Records {
				doc := crdt.NewDoc(crdt.Options{})
				_, err := apply(doc, r.Version, r.Fields[0])
				if r.Flags&oracle.FlagTimeout != 0 {
					endless++
					continue
				}
				counts[number(!r.Threw())][number(err == nil)]++
				if err != nil || r.Threw() || r.Flags&oracle.FlagMuddled != 0 {
					continue
				}
				if err := sameMangled(doc, r); err != nil {
					return fmt.Errorf("record %d: %w", i, err)
				}
			}
			return nil
		},
		Report: func(t *testing.T) {
			t.Logf("both accept %d, both refuse %d, only yjs accepts %d, only Go accepts %d; yjs did not end in time: %d",
				counts[1][1], counts[0][0], counts[1][0], counts[0][1], endless)
		},
	})
}

func sameMangled(doc *crdt.Doc, r oracle.Record) error {
	what := fmt.Sprintf("after applying malformed V%d %x: ", r.Version, r.Fields[0])
	got, err := doc.EncodeStateAsUpdate(nil)
	if err != nil {
		return fmt.Errorf("%sencoding V1: %w", what, err)
	}
	if err := oracle.SameUpdate(what+"V1", 1, got, r.Fields[1]); err != nil {
		return err
	}
	return oracle.SameBytes(what+"state vector", doc.StateVector(), r.Fields[2])
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
