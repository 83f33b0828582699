// Package revert brings documents of yjs back to earlier states with package crdt, and lets yjs say what that gives.
package revert

import (
	"errors"
	"fmt"
	"testing"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/test/oracle"
)

func TestRevert(t *testing.T) {
	t.Parallel()
	oracle.Converse(t, oracle.Dialogue{
		Script: "revert.mjs",
		Share:  40,
		Answer: answer,
		Must: []string{"server gc off", "cleared", "nested", "xml", "embed", "format", "attribute", "subdocument", "undo",
			"legacy JSON"},
	})
}

// history is the documents of a case.
type history struct {
	records []oracle.Record // the version first, then what came later
	aside   []byte
}

func read(c *oracle.Case) (history, error) {
	n := len(c.Records) - 1
	if n < 1 || c.Records[0].Kind != oracle.Version || c.Records[n].Kind != oracle.Aside {
		return history{}, errors.New("not a case of revert.mjs")
	}
	return history{c.Records[:n], c.Records[n].Fields[0]}, nil
}

// document is what is left of the history when the first n updates of it have been applied.
func (h history) document(n int) (*crdt.Doc, error) {
	doc := crdt.NewDoc(crdt.Options{KeepDeleted: h.records[0].Flags&oracle.FlagGCOff != 0})
	for i, r := range h.records[:n] {
		if _, err := apply(doc, r.Version, r.Fields[0]); err != nil {
			return nil, fmt.Errorf("update %d: %w", i, err)
		}
	}
	return doc, nil
}

func apply(doc *crdt.Doc, version uint8, update []byte) (crdt.Applied, error) {
	if version == 1 {
		return doc.ApplyUpdate(update)
	}
	return doc.ApplyUpdateV2(update)
}

// snapshot is a document loaded from the state of another.
func snapshot(doc *crdt.Doc) (*crdt.Doc, error) {
	state, err := doc.EncodeStateAsUpdateV2(nil)
	if err != nil {
		return nil, err
	}
	loaded := crdt.NewDoc(crdt.Options{})
	_, err = loaded.ApplyUpdateV2(state)
	return loaded, err
}

// state is what a document holds, in both encodings.
type state struct{ v1, v2 []byte }

func stateOf(doc *crdt.Doc) (s state, err error) {
	if s.v1, err = doc.EncodeStateAsUpdate(nil); err == nil {
		s.v2, err = doc.EncodeStateAsUpdateV2(nil)
	}
	return s, err
}

// turns is how often a case goes back to the version and forth again.
const turns = 4

// answer reverts the newest state to the version, that to the newest again, and so on.
func answer(c *oracle.Case) (updates [][]byte, examine func(*oracle.Case) error, err error) {
	h, err := read(c)
	if err != nil {
		return nil, nil, err
	}
	version, err := h.document(1)
	if err != nil {
		return nil, nil, err
	}
	current, err := h.document(len(h.records))
	if err != nil {
		return nil, nil, err
	}
	newest, err := snapshot(current)
	if err != nil {
		return nil, nil, err
	}
	targets := []*crdt.Doc{version, newest}
	var states []state
	for i := range turns {
		client := uint64(c.Number)<<20 + 1<<45 + uint64(i&^1) // two updates each
		u, err := crdt.Revert(current, targets[i%2], client)
		if err != nil {
			return nil, nil, fmt.Errorf("update %d: %w", i, err)
		}
		updates = append(updates, u)
		if err := applyOwn(current, u); err != nil {
			return nil, nil, fmt.Errorf("update %d: %w", i, err)
		}
		s, err := stateOf(current)
		if err != nil {
			return nil, nil, err
		}
		states = append(states, s)
		if u, err := crdt.Revert(current, targets[i%2], client+1); u != nil || err != nil {
			return nil, nil, fmt.Errorf("update %d leaves something to do: %x, %w", i, u, err)
		}
		// Whoever reverts has the state of a moment ago as a snapshot.
		if targets[i%2], err = snapshot(current); err != nil {
			return nil, nil, err
		}
	}
	again, more, err := h.again(updates[0])
	if err != nil {
		return nil, nil, err
	}
	updates, states = append(updates, again), append(states, more...)
	return updates, func(said *oracle.Case) error { return sameStates(said, states) }, nil
}

// again goes back to the version after the first update and what came aside; the states are those before and after that.
func (h history) again(first []byte) (update []byte, states []state, err error) {
	version, err := h.document(1)
	if err != nil {
		return nil, nil, err
	}
	merged, err := h.document(len(h.records))
	if err != nil {
		return nil, nil, err
	}
	if err := applyOwn(merged, first); err != nil {
		return nil, nil, err
	}
	if _, err := merged.ApplyUpdate(h.aside); err != nil {
		return nil, nil, fmt.Errorf("what came aside: %w", err)
	}
	before, err := stateOf(merged)
	if err != nil {
		return nil, nil, err
	}
	if update, err = crdt.Revert(merged, version, 1<<50); err != nil {
		return nil, nil, fmt.Errorf("once more: %w", err)
	}
	if err := applyOwn(merged, update); err != nil {
		return nil, nil, fmt.Errorf("once more: %w", err)
	}
	after, err := stateOf(merged)
	return update, []state{before, after}, err
}

func applyOwn(doc *crdt.Doc, update []byte) error {
	if update == nil {
		return nil
	}
	a, err := doc.ApplyUpdate(update)
	if err == nil && (!a.Changed || a.Pending) {
		err = fmt.Errorf("update %x: %+v", update, a)
	}
	return err
}

// sameStates compares what yjs made of the updates with what Go did.
func sameStates(said *oracle.Case, states []state) error {
	for i, r := range said.Records {
		if what := string(r.Fields[0]); what != "" {
			return errors.New(what)
		}
		if i >= len(states) {
			continue
		}
		what := fmt.Sprintf("state %d ", i)
		if err := oracle.SameUpdate(what+"V1", 1, states[i].v1, r.Fields[1]); err != nil {
			return err
		}
		if err := oracle.SameUpdate(what+"V2", 2, states[i].v2, r.Fields[2]); err != nil {
			return err
		}
	}
	if n := len(states) + 1; len(said.Records) != n {
		return fmt.Errorf("yjs says of %d states, not %d", len(said.Records), n)
	}
	return nil
}
