package manage

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/wI2L/jsondiff"

	"github.com/symphony-rtc/symphony/crdt"
)

// Present as the number of a version means the present state of the room.
const Present = 0

// Diff says how to get from one state of a room to another, as a JSON Patch (RFC 6902) of what Doc.AppendJSON gives,
// each change of something that was there preceded by a test with what it was. It is never nil.
func (m *Manager) Diff(ctx context.Context, id string, from, to uint64) (jsondiff.Patch, error) {
	var states [2]any
	for i, number := range []uint64{from, to} {
		var doc *crdt.Doc
		var err error
		if number == Present {
			doc, err = m.Document(ctx, id)
		} else {
			_, doc, err = m.Version(ctx, id, number)
		}
		if err == nil {
			states[i], err = content(doc)
		}
		if err != nil {
			return nil, fmt.Errorf("compare versions %d and %d of room %q: %w", from, to, id, err)
		}
	}
	options := []jsondiff.Option{jsondiff.Invertible()}
	if comparable(states[0], states[1]) {
		options = append(options, jsondiff.LCS())
	}
	patch, err := jsondiff.CompareWithoutMarshal(states[0], states[1], options...)
	if err != nil {
		return nil, fmt.Errorf("compare versions %d and %d of room %q: %w", from, to, id, err)
	}
	if patch == nil {
		patch = jsondiff.Patch{}
	}
	return patch, nil
}

// content is a document as encoding/json sees it, with numbers as they are written.
func content(doc *crdt.Doc) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(doc.AppendJSON(nil)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("read the document's JSON: %w", err)
	}
	return value, nil
}

// maxCells bounds what is spent on finding which elements of arrays moved: memory of 8 bytes and one comparison each.
const maxCells = 4 << 20

// comparable reports whether the arrays of two values are short enough for each element to be compared with each. Else they are
// compared by position, which is right too but says more.
func comparable(a, b any) bool {
	of, longest := 0, 0
	walkArrays(a, func(n int) { of += n })
	walkArrays(b, func(n int) { longest = max(longest, n) })
	return longest == 0 || of <= maxCells/longest
}

func walkArrays(value any, see func(length int)) {
	switch v := value.(type) {
	case []any:
		see(len(v))
		for _, e := range v {
			walkArrays(e, see)
		}
	case map[string]any:
		for _, e := range v {
			walkArrays(e, see)
		}
	}
}
