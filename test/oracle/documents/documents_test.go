// Package documents compares documents of package crdt with yjs: bytes after every update, JSON views, and what is made
// of malformed updates.
package documents

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/test/oracle"
)

func TestDocuments(t *testing.T) {
	t.Parallel()
	oracle.Run(t, oracle.Test{
		Section:   "documents",
		Share:     1,
		Processes: 2,
		Check:     check,
		Must: []string{"V1", "V2", "replica gc off", "gc off", "pending structs", "pending deletes", "split surrogates", "wide client id",
			"subdocument", "legacy JSON", "merged", "partial", "shuffled", "duplicated", "converted", "undo", "nested", "xml", "embed",
			"format", "attribute", "lone surrogate", "crowd", "large", "view text", "view delta", "view map", "view array", "view xml"},
	})
}

func check(c *oracle.Case) error {
	var doc *crdt.Doc
	for i, r := range c.Records {
		var err error
		switch r.Kind {
		case oracle.Replica:
			doc = crdt.NewDoc(crdt.Options{KeepDeleted: r.Flags&oracle.FlagGCOff != 0})
		case oracle.Apply:
			err = checkApply(doc, r)
		case oracle.Encode:
			err = checkEncode(doc, r)
		case oracle.View:
			err = checkView(doc, r)
		default:
			err = fmt.Errorf("unexpected record of kind %d", r.Kind)
		}
		if err != nil {
			return fmt.Errorf("record %d: %w", i, err)
		}
	}
	return nil
}

func apply(doc *crdt.Doc, version uint8, update []byte) (crdt.Applied, error) {
	if version == 1 {
		return doc.ApplyUpdate(update)
	}
	return doc.ApplyUpdateV2(update)
}

func checkApply(doc *crdt.Doc, r oracle.Record) error {
	applied, err := apply(doc, r.Version, r.Fields[0])
	if r.Threw() {
		return nil // yjs keeps half of what it refuses; the generator sends no such update on purpose
	}
	what := fmt.Sprintf("applying V%d %x: ", r.Version, r.Fields[0])
	if err != nil {
		return fmt.Errorf("%syjs accepts, Go: %w", what, err)
	}
	yjs := crdt.Applied{Pending: r.Fields[4][0]&1 != 0, Changed: r.Fields[4][0]&2 != 0}
	if applied != yjs {
		return fmt.Errorf("%sGo says %+v instead of %+v", what, applied, yjs)
	}
	return sameState(doc, nil, r.Fields[1], r.Fields[2], r.Fields[3], "after "+what)
}

func checkEncode(doc *crdt.Doc, r oracle.Record) error {
	if r.Threw() {
		return nil
	}
	return sameState(doc, r.Fields[0], r.Fields[1], r.Fields[2], nil, fmt.Sprintf("state for vector %x: ", r.Fields[0]))
}

// sameState compares what doc encodes for a state vector (nil: everything), and its own state vector unless nil.
func sameState(doc *crdt.Doc, sv, v1, v2, vector []byte, what string) error {
	got, err := doc.EncodeStateAsUpdate(sv)
	if err != nil {
		return fmt.Errorf("%sencoding V1: %w", what, err)
	}
	if err := oracle.SameUpdate(what+"V1", 1, got, v1); err != nil {
		return err
	}
	if got, err = doc.EncodeStateAsUpdateV2(sv); err != nil {
		return fmt.Errorf("%sencoding V2: %w", what, err)
	}
	if err := oracle.SameUpdate(what+"V2", 2, got, v2); err != nil {
		return err
	}
	if vector == nil {
		return nil
	}
	return oracle.SameBytes(what+"state vector", doc.StateVector(), vector)
}

// checkView compares what users see of a root.
func checkView(doc *crdt.Doc, r oracle.Record) error {
	kind, name, want := string(r.Fields[0]), string(r.Fields[1]), r.Fields[2]
	var got []byte
	switch kind {
	case "text":
		got, want = quote(doc.Text(name)), wellFormed(want)
	case "delta":
		got = doc.Delta(name)
	case "map":
		got = doc.MapJSON(name)
	case "array":
		got = doc.ArrayJSON(name)
	case "xml":
		got, want = quote(doc.XML(name)), wellFormed(want)
	default:
		return fmt.Errorf("unknown view %q", kind)
	}
	if !json.Valid(got) {
		return fmt.Errorf("root %q as %s is not JSON: %s", name, kind, got)
	}
	return oracle.SameBytes(fmt.Sprintf("root %q as %s", name, kind), got, want)
}

// wellFormed replaces the escapes of lone surrogates in a JSON string: Go strings cannot hold them.
func wellFormed(text []byte) []byte {
	var s string
	if json.Unmarshal(text, &s) != nil {
		return text
	}
	return quote(s)
}

// quote writes a string as JSON.stringify does.
func quote(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // strings always have JSON
	// encoding/json escapes these two, JSON.stringify does not.
	text := strings.NewReplacer(`\u2028`, "\u2028", `\u2029`, "\u2029").Replace(strings.TrimSuffix(b.String(), "\n"))
	return []byte(text)
}
