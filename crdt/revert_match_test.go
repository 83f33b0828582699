package crdt

import (
	"fmt"
	"strings"
	"testing"
)

// TestRevertUsesWhatIsThere goes back to a version twice, with an edit in between: only the edit is taken back then, and
// what was inserted anew the first time stays, types with it.
func TestRevertUsesWhatIsThere(t *testing.T) {
	long := strings.Repeat("long text ", 100)
	r := place{root: "r"}
	version := loaded(t, build().
		typ(1, 0, r, typeXMLElement).typ(1, 1, place{in: at(1, 0)}, typeXMLText).text(1, 2, place{in: at(1, 1)}, long).
		typ(1, 1002, place{left: at(1, 0)}, typeXMLElement).typ(1, 1003, place{in: at(1, 1002)}, typeXMLText).text(1, 1004, place{in: at(1, 1003)}, long).
		typ(1, 2004, place{left: at(1, 1002)}, typeArray).any(1, 2005, place{in: at(1, 2004)}, 1, 2, 3, 4).
		any(1, 2009, place{in: at(1, 0), key: key("k")}, 5).bytes())
	want := string(version.AppendJSON(nil))
	current := loaded(t, state(t, version))
	apply(t, current, build().delete(1, 0, 1).delete(1, 1002, 1).delete(1, 2004, 1).bytes())
	reverted(t, current, version, 10) // 10:0 element, :1 text of it ...

	ids := map[string]uint32{} // clocks of client 10 of what was inserted anew
	for _, s := range current.structs(10) {
		ids[fmt.Sprintf("%v %d %d", s.Kind, s.TypeRef, s.Len)] = s.ID.Clock
	}
	text, values := ids["4 0 1000"], ids["8 0 4"]
	for name, edit := range map[string]*builder{
		"text inserted":  build().text(20, 0, place{left: at(10, text+5), right: at(10, text+6)}, "new"),
		"text deleted":   build().delete(10, text+5, 3),
		"value inserted": build().any(20, 0, place{left: at(10, values), right: at(10, values+1)}, 9),
		"value deleted":  build().delete(10, values+1, 2),
		"first deleted":  build().delete(10, values, 1),
		"last deleted":   build().delete(10, values+3, 1),
		"type in front":  build().typ(20, 0, place{right: at(10, 0)}, typeXMLElement),
		"type at end":    build().typ(20, 0, place{in: at(10, ids["7 0 1"])}, typeArray),
	} {
		t.Run(name, func(t *testing.T) {
			d := loaded(t, state(t, current))
			apply(t, d, edit.bytes())
			changed := string(d.AppendJSON(nil))
			if changed == want {
				t.Fatal("the edit does not show")
			}
			u := reverted(t, d, version, 30)
			if got := string(d.AppendJSON(nil)); got != want {
				t.Fatalf("shows %s, want %s", got, want)
			}
			if len(u) > 40 {
				t.Errorf("the update has %d bytes: %x", len(u), u)
			}
		})
	}
}

// TestRevertMerges: what others do at the same time to what stays is not lost, and stands where they put it.
func TestRevertMerges(t *testing.T) {
	r := place{root: "r"}
	before := build().text(1, 0, r, "one two three").bytes()
	version := loaded(t, before)
	current := loaded(t, before, build().text(2, 0, place{left: at(1, 12)}, " four").delete(1, 4, 4).bytes())
	aside := loaded(t, state(t, current))
	edits := build().text(3, 0, place{right: at(1, 0)}, "> ").text(3, 2, place{left: at(1, 3), right: at(1, 4)}, "and ").
		text(3, 6, place{left: at(1, 12), right: at(2, 0)}, "!").bytes()
	apply(t, aside, edits)
	u := reverted(t, current, version, 9)
	apply(t, current, edits)
	apply(t, aside, u)
	if got, other := current.Text("r"), aside.Text("r"); got != other || got != "> one and two three!" {
		t.Errorf("%q, in the other order %q", got, other)
	}
}

// TestRevertManyTimes goes to and fro between two states: each time all of it is undone.
func TestRevertManyTimes(t *testing.T) {
	first := loaded(t, build().text(1, 0, place{root: "t"}, "first").any(1, 5, place{root: "m", key: key("k")}, 1).
		typ(1, 6, place{root: "m", key: key("type")}, typeMap).any(1, 7, place{in: at(1, 6), key: key("deep")}, 2).bytes())
	current := loaded(t, state(t, first), build().text(2, 0, place{left: at(1, 4)}, "second").any(2, 6, place{left: at(1, 5)}, 3).
		delete(1, 0, 5).delete(1, 6, 1).bytes())
	versions := []*Doc{first, loaded(t, state(t, current))}
	shows := []string{string(first.AppendJSON(nil)), string(current.AppendJSON(nil))}
	for n := range 20 {
		reverted(t, current, versions[n%2], 7)
		if got := string(current.AppendJSON(nil)); !sameJSON(got, shows[n%2]) {
			t.Fatalf("%d: shows %s, want %s", n, got, shows[n%2])
		}
	}
}
