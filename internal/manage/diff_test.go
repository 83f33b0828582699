package manage

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wI2L/jsondiff"
)

func TestDiff(t *testing.T) {
	w := newWorld(t)
	a := join(t, w.host, "demo", 1)
	a.mustWrite(t, "a")
	first := must(w.Keep(t.Context(), "demo", ""))(t).Number
	a.mustWrite(t, "b/c")
	second := must(w.Keep(t.Context(), "demo", ""))(t).Number
	a.erase(t)
	for _, c := range []struct {
		from, to uint64
		want     string
	}{
		{first, second, `[{"value":"value of b/c","op":"add","path":"/m/b~1c"}]`},
		{second, first, `[{"value":"value of b/c","op":"test","path":"/m/b~1c"},{"op":"remove","path":"/m/b~1c"}]`},
		{first, first, `[]`},
		{first, Present, `[{"value":"value of a","op":"test","path":"/m/a"},{"op":"remove","path":"/m/a"}]`},
	} {
		got := must(json.Marshal(must(w.Diff(t.Context(), "demo", c.from, c.to))(t)))(t)
		if string(got) != c.want {
			t.Errorf("from %d to %d: %s, want %s", c.from, c.to, got, c.want)
		}
	}
}

// TestLongArraysAreComparedByPosition keeps the comparison of two long arrays from taking all memory.
func TestLongArraysAreComparedByPosition(t *testing.T) {
	long := make([]any, 5000)
	if comparable(map[string]any{"a": long}, map[string]any{"a": long}) {
		t.Error("two arrays of 5,000 would take 25 million comparisons")
	}
	if !comparable(map[string]any{"a": long}, map[string]any{"a": long[:100], "b": []any{long[:5]}}) {
		t.Error("short arrays are compared element by element")
	}
	many := make([]any, 100)
	for i := range many {
		many[i] = long[:1000]
	}
	if comparable(many, many) {
		t.Error("100 pairs of arrays of 1,000 would take 100 million comparisons")
	}
}

// TestPatchesLeadThere applies patches between random values, by an implementation of its own.
func TestPatchesLeadThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := values(3)
		from, to := value.Draw(t, "from"), value.Draw(t, "to")
		for _, options := range [][]jsondiff.Option{{jsondiff.Invertible()}, {jsondiff.Invertible(), jsondiff.LCS()}} {
			patch, err := jsondiff.CompareWithoutMarshal(from, to, options...)
			if err != nil {
				t.Fatal(err)
			}
			got := clone(from)
			for _, op := range patch {
				if got, err = apply(got, strings.Split(op.Path, "/")[1:], op); err != nil {
					t.Fatalf("%s: %v", patch, err)
				}
			}
			if !reflect.DeepEqual(got, to) {
				t.Fatalf("from %v to %v: %s gives %v", from, to, patch, got)
			}
		}
	})
}

func values(depth int) *rapid.Generator[any] {
	scalar := rapid.Custom(func(t *rapid.T) any {
		return rapid.SampledFrom([]any{nil, true, "", "x", json.Number("1"), json.Number("1.5")}).Draw(t, "scalar")
	})
	if depth == 0 {
		return scalar
	}
	key := rapid.SampledFrom([]string{"a", "b", "c/d", "~", "0"})
	return rapid.OneOf(scalar,
		rapid.Map(rapid.SliceOfN(values(depth-1), 0, 6), func(s []any) any { return append([]any{}, s...) }),
		rapid.Map(rapid.MapOfN(key, values(depth-1), 0, 4), func(m map[string]any) any { return m }))
}

func clone(v any) any {
	switch v := v.(type) {
	case []any:
		c := make([]any, len(v))
		for i := range v {
			c[i] = clone(v[i])
		}
		return c
	case map[string]any:
		c := map[string]any{}
		for k := range v {
			c[k] = clone(v[k])
		}
		return c
	}
	return v
}

// apply does one operation of a JSON Patch (RFC 6902, section 4) at a path.
func apply(at any, path []string, op jsondiff.Operation) (any, error) {
	if len(path) == 0 {
		if op.Type == jsondiff.OperationTest && !reflect.DeepEqual(at, op.Value) {
			return nil, fmt.Errorf("test: %v is not %v", at, op.Value)
		}
		if op.Type == jsondiff.OperationTest {
			return at, nil
		}
		return clone(op.Value), nil
	}
	key := strings.NewReplacer("~1", "/", "~0", "~").Replace(path[0])
	here := len(path) == 1
	switch v := at.(type) {
	case map[string]any:
		if here && op.Type == jsondiff.OperationRemove {
			delete(v, key)
			return v, nil
		}
		inner, err := apply(v[key], path[1:], op)
		v[key] = inner
		return v, err
	case []any:
		i := len(v)
		if key != "-" {
			var err error
			if i, err = strconv.Atoi(key); err != nil || i > len(v) {
				return nil, fmt.Errorf("no element %q", key)
			}
		}
		switch {
		case here && op.Type == jsondiff.OperationAdd:
			return slices.Insert(v, i, clone(op.Value)), nil
		case i == len(v):
			return nil, fmt.Errorf("no element %d", i)
		case here && op.Type == jsondiff.OperationRemove:
			return slices.Delete(v, i, i+1), nil
		}
		inner, err := apply(v[i], path[1:], op)
		v[i] = inner
		return v, err
	}
	return nil, fmt.Errorf("nothing at %q", key)
}
