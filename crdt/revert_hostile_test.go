package crdt

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
	"pgregory.net/rapid"
)

// contents describes all that is live in a document, independent of how it is cut into items.
func contents(d *Doc) string {
	var roots []string
	for _, t := range d.roots {
		var b strings.Builder
		d.describe(&b, t)
		if b.Len() > len("[]{}") {
			roots = append(roots, fmt.Sprintf("%q %s\n", d.keyName(d.types[t].name), b.String()))
		}
	}
	slices.Sort(roots)
	return strings.Join(roots, "")
}

func (d *Doc) describe(b *strings.Builder, t int32) {
	b.WriteString("[")
	for i := d.firstOf(t); i != 0; i = d.items[i].right {
		if it := &d.items[i]; !it.deleted() {
			d.describeItem(b, it, 0)
		}
	}
	b.WriteString("]{")
	var entries []string
	for l := d.firstEntry(t); l != 0; l = d.lists[l].next {
		if it := d.valueOf(t, d.keyName(d.lists[l].key)); it != nil {
			var e strings.Builder
			fmt.Fprintf(&e, "%q:", d.keyName(d.lists[l].key))
			d.describeItem(&e, it, it.length-1)
			entries = append(entries, e.String())
		}
	}
	slices.Sort(entries)
	b.WriteString(strings.Join(entries, ",") + "}")
}

// describeItem describes an item from a unit on.
func (d *Doc) describeItem(b *strings.Builder, it *item, from uint32) {
	x := d.read(it)
	x.take(from)
	if x.half {
		b.WriteString("half")
	}
	switch data := x.take(x.rest()); it.kind() {
	case wire.Type:
		fmt.Fprintf(b, "<%d", d.types[it.off].ref)
		if n := d.types[it.off].name; n != 0 {
			fmt.Fprintf(b, " %q", d.keyName(n))
		}
		d.describe(b, int32(it.off))
		b.WriteString(">")
	case wire.Format:
		k, value := splitFormat(data)
		fmt.Fprintf(b, "(format %q %s)", d.keyName(k), jsonOf(it, value))
	case wire.Embed:
		fmt.Fprintf(b, "(embed %s)", jsonOf(it, data))
	case wire.String:
		for _, c := range strings.ToValidUTF8(string(data), "\uFFFD") {
			fmt.Fprintf(b, "'%c", c)
		}
	case wire.Any, wire.JSON:
		v := viewer{Doc: d}
		for range it.length - from {
			var one []byte
			one, data = v.split(it, data)
			fmt.Fprintf(b, "(%d %x)", it.kind(), one)
		}
	default:
		fmt.Fprintf(b, "(%d %x)", it.kind(), data)
	}
}

// jsonOf is the value of an embed or format as V1 writes it.
func jsonOf(it *item, value []byte) string {
	v := viewer{}
	v.value(value, it.meta&flagJSON != 0)
	return string(v.dst)
}

// tryRevert reverts what can be reverted: no pair of documents makes it panic, and whatever it does not refuse gives the
// content of version, and from there again that of current.
func tryRevert(current, version *Doc, client uint64) error {
	want, before := contents(version), contents(current)
	state, err := current.EncodeStateAsUpdateV2(nil)
	if err != nil {
		return err
	}
	u, err := RevertV2(current, version, client)
	switch {
	case errors.Is(err, ErrUnrelated):
		return nil
	case err != nil:
		return err
	}
	if got := contents(current); got != before {
		return fmt.Errorf("it changed the document from %s to %s", before, got)
	}
	newest := NewDoc(Options{})
	if _, err := newest.ApplyUpdateV2(state); err != nil {
		return err
	}
	before = contents(newest)
	for _, s := range []struct {
		name, want string
		target     *Doc
		update     func() ([]byte, error)
	}{
		{"reverted", want, version, func() ([]byte, error) { return u, nil }},
		{"back again", before, newest, func() ([]byte, error) { return RevertV2(current, newest, client+1) }},
	} {
		u, err := s.update()
		if errors.Is(err, ErrUnrelated) {
			return nil // entries of several units, which only a hostile member makes, are not loaded as they were
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if u != nil {
			if _, err := current.ApplyUpdateV2(u); err != nil {
				return fmt.Errorf("%s: apply %x: %w", s.name, u, err)
			}
		}
		if err := current.checkInvariants(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if got := contents(current); got != s.want {
			return fmt.Errorf("%s:\n%sinstead of\n%s", s.name, got, s.want)
		}
		if u, err := RevertV2(current, s.target, client+2); u != nil || err != nil {
			return fmt.Errorf("%s: nothing should be left to do, but %x, %w", s.name, u, err)
		}
	}
	return nil
}

// TestRevertContradictions reverts documents that no honest client makes (see contradiction), to states of themselves and of
// others.
func TestRevertContradictions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		current, version := NewDoc(Options{}), NewDoc(Options{KeepDeleted: rapid.Bool().Draw(t, "keep deleted")})
		for range rapid.IntRange(1, 12).Draw(t, "updates") {
			u := contradiction(t)
			where := rapid.IntRange(0, 5).Draw(t, "where")
			if where != 0 {
				_, _ = current.ApplyUpdate(u)
			}
			if where < 4 {
				_, _ = version.ApplyUpdate(u)
			}
		}
		client := rapid.Uint64Range(3, 20).Draw(t, "client")
		if current.pending.any() {
			client = 20 // for others something may wait that deletes what is inserted
		}
		if err := tryRevert(current, version, client); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzRevert reverts documents that any bytes made.
func FuzzRevert(f *testing.F) {
	base := sample()
	f.Add(base, build().text(1, 17, place{left: at(1, 16), right: at(2, 3)}, "crossing").delete(1, 0, 30).bytes(), true)
	f.Add(build().text(1, 0, place{root: "t"}, "a😀b").bytes(), build().text(2, 0, place{left: at(1, 1), right: at(1, 2)}, "x").bytes(), true)
	f.Add(build().typ(1, 0, place{root: "t"}, typeMap).any(1, 1, place{in: at(1, 0), key: key("k")}, 1).bytes(), build().delete(1, 0, 1).bytes(), true)
	f.Add(base, base, false)
	f.Fuzz(func(t *testing.T, a, b []byte, related bool) {
		version, current := NewDoc(Options{MaxSize: 1 << 22}), NewDoc(Options{MaxSize: 1 << 22})
		_, _ = version.ApplyUpdate(a)
		if related {
			_, _ = current.ApplyUpdate(a)
		}
		_, _ = current.ApplyUpdate(b)
		if err := tryRevert(current, version, 1<<50); err != nil && !errors.Is(err, ErrTooLarge) {
			t.Fatal(err)
		}
	})
}

func TestRevertUnrelated(t *testing.T) {
	r := place{root: "r"}
	version := loaded(t, build().text(1, 0, r, "abc").bytes())
	for what, current := range map[string]*Doc{
		"knows nothing":       NewDoc(Options{}),
		"knows less":          loaded(t, build().text(1, 0, r, "ab").bytes()),
		"knows somebody else": loaded(t, build().text(2, 0, r, "abc").bytes()),
	} {
		if u, err := Revert(current, version, 9); u != nil || !errors.Is(err, ErrUnrelated) {
			t.Errorf("a document that %s: %x, %v", what, u, err)
		}
	}
	deleted := loaded(t, build().text(1, 0, r, "abc").delete(1, 1, 1).bytes())
	if _, err := Revert(version, deleted, 9); !errors.Is(err, ErrUnrelated) {
		t.Errorf("a version in which more is deleted: %v", err)
	}
	if u, err := Revert(version, version, 9); u != nil || err != nil {
		t.Errorf("the same: %x, %v", u, err)
	}
	if u, err := Revert(version, NewDoc(Options{}), 1<<53); u != nil || err == nil {
		t.Errorf("a client id that does not exist: %x, %v", u, err)
	}
	if u := reverted(t, version, NewDoc(Options{}), 9); u == nil || version.Text("r") != "" {
		t.Errorf("to the beginning: %q", version.Text("r"))
	}
}

// TestRevertDeep: types nested as deeply as nobody nests them are brought back, and found again when that is repeated, in
// a time that does not grow with the square of the depth.
func TestRevertDeep(t *testing.T) {
	const depth = 50_000
	b := build().typ(1, 0, place{root: "r"}, typeArray)
	for n := uint32(1); n < depth; n++ {
		b.typ(1, n, place{in: at(1, n-1)}, typeArray)
	}
	version := loaded(t, b.text(1, depth, place{in: at(1, depth-1)}, "deep").bytes())
	current := loaded(t, state(t, version), build().delete(1, 0, 1).bytes())
	if u := reverted(t, current, version, 9); len(u) < depth {
		t.Fatalf("an update of %d bytes", len(u))
	}
	if u := reverted(t, current, version, 10); u != nil {
		t.Errorf("nothing should be left to do, but %d bytes", len(u))
	}
	apply(t, current, build().delete(9, depth+1, 2).bytes())
	if u := reverted(t, current, version, 10); len(u) > 40 {
		t.Errorf("two characters gave an update of %d bytes", len(u))
	}
	c := current.lookClient(9)
	if got := current.clients[c].state; got != depth+4 {
		t.Errorf("%d units were inserted, want %d", got, depth+4)
	}
}
