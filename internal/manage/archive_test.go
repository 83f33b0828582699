package manage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/internal/archive"
	"github.com/symphony-rtc/symphony/protocol"
)

func (w *world) export(e Export, compress bool) ([]byte, int) {
	w.t.Helper()
	var b bytes.Buffer
	aw, err := archive.NewWriter(&b, archive.Manifest{Server: "test"}, compress)
	if err == nil {
		err = w.Export(w.t.Context(), aw, e)
	}
	if err == nil {
		err = aw.Close()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return b.Bytes(), aw.Damaged()
}

// bring checks and imports an archive.
func (w *world) bring(data []byte, existing string) (Import, error) {
	i := Import{Existing: existing}
	if _, err := w.Check(w.t.Context(), bytes.NewReader(data), existing); err != nil {
		return i, err
	}
	return i, w.Import(w.t.Context(), bytes.NewReader(data), &i)
}

// TestRoomsMove exports all rooms of one server, open and closed, and imports them on another.
func TestRoomsMove(t *testing.T) {
	from, to := newWorld(t), newWorld(t)
	open := join(t, from.host, "../open", 1)
	open.mustWrite(t, "a", "b")
	closed := join(t, from.host, "closed", 1)
	closed.mustWrite(t, "c")
	closed.leave()
	join(t, from.host, "blank", 1)
	join(t, from.host, "deleted", 1).mustWrite(t, "d")
	if err := from.Delete(t.Context(), "deleted"); err != nil {
		t.Fatal(err)
	}
	data, damaged := from.export(Export{All: true}, true)
	if damaged != 0 {
		t.Errorf("%d damaged", damaged)
	}
	i, err := to.bring(data, Refuse)
	if err != nil || i != (Import{Existing: Refuse, Rooms: 3, Created: 3}) {
		t.Fatalf("%+v, %v", i, err)
	}
	to.wantKeys("../open", "a", "b")
	to.wantKeys("closed", "c")
	to.wantKeys("blank")
	if g := join(t, to.host, "closed", 5).generation(t); g != 1 {
		t.Errorf("generation %d", g) // so that who has a copy of the same document goes on with it
	}

	// Once more: the rooms are there now.
	join(t, to.host, "closed", 6).mustWrite(t, "new")
	var conflict *ConflictError
	if _, err := to.bring(data, Refuse); !errors.As(err, &conflict) || len(conflict.Rooms) != 3 {
		t.Errorf("%v", err)
	}
	stays := join(t, to.host, "closed", 7)
	if i, err = to.bring(data, Skip); err != nil || i.Skipped != 3 || i.Created+i.Replaced != 0 || stays.code != 0 {
		t.Errorf("%+v, %v", i, err)
	}
	to.wantKeys("closed", "c", "new")
	if i, err = to.bring(data, Replace); err != nil || i.Replaced != 3 {
		t.Errorf("%+v, %v", i, err)
	}
	to.wantKeys("closed", "c")
	if stays.code != protocol.CloseRestarting {
		t.Errorf("the member was closed with %d", stays.code)
	}
	versions := must(to.store.Versions(t.Context(), "closed", 0, 10))(t)
	if len(versions) != 1 || len(to.versionKeys("closed", versions[0].Number)) != 2 {
		t.Errorf("the state before is not kept: %+v", versions)
	}
	if g := join(t, to.host, "closed", 5).generation(t); g != 2 {
		t.Errorf("generation %d", g)
	}
}

// TestVersionsMove carries a history with a replaced document to a new room, and over an existing one.
func TestVersionsMove(t *testing.T) {
	from, to := newWorld(t), newWorld(t)
	a := join(t, from.host, "demo", 1)
	a.mustWrite(t, "a")
	first := must(from.Keep(t.Context(), "demo", "first"))(t)
	a.mustWrite(t, "b")
	must(from.Keep(t.Context(), "demo", ""))(t)
	must(from.Restore(t.Context(), "demo", first.Number))(t)
	b := join(t, from.host, "demo", 2)
	b.mustWrite(t, "c")
	must(from.Keep(t.Context(), "demo", "third"))(t)
	b.mustWrite(t, "d")
	data, _ := from.export(Export{Rooms: []string{"demo"}, Versions: true}, true)

	join(t, to.host, "there", 1).mustWrite(t, "x")
	for _, existing := range []string{Refuse, Replace} {
		i, err := to.bring(data, existing)
		if err != nil || i.Versions != 4 {
			t.Fatalf("%+v, %v", i, err)
		}
		to.wantKeys("demo", "a", "c", "d")
		list := must(to.store.Versions(t.Context(), "demo", 0, 4))(t)
		var got []string
		for _, v := range list {
			got = append(got, fmt.Sprintf("%s %d", v.Label, len(to.versionKeys("demo", v.Number))))
		}
		if text := strings.Join(got, ", "); !strings.HasPrefix(text, "third 2, before version 1 was restored 2, manual version of ") ||
			!strings.HasSuffix(text, " UTC 2, first 1") {
			t.Errorf("versions: %s", text)
		}
		if now := must(to.store.Room(t.Context(), "demo"))(t); list[0].Generation != now.Generation || list[3].Generation != now.Generation-1 || now.Quarantine != "" {
			t.Errorf("generations: room %d, third %d, first %d; quarantine %q", now.Generation, list[0].Generation, list[3].Generation, now.Quarantine)
		}
		// What was an earlier state of the document still is.
		if _, err := to.Revert(t.Context(), "demo", list[0].Number); err != nil {
			t.Error(err)
		}
		to.wantKeys("demo", "a", "c")
	}
	to.wantKeys("there", "x")
}

// TestGenerationsMove imports rooms whose document was replaced: a copy of what it replaced must not be taken for one of it.
func TestGenerationsMove(t *testing.T) {
	from, to := newWorld(t), newWorld(t)
	for _, id := range []string{"a", "erased here"} {
		join(t, from.host, id, 1).mustWrite(t, "a")
		first := must(from.Keep(t.Context(), id, ""))(t)
		for range 3 {
			must(from.Restore(t.Context(), id, first.Number))(t)
		}
	}
	data, _ := from.export(Export{All: true}, true)
	for range 6 {
		if err := errors.Join(to.Create(t.Context(), "erased here", nil), to.Erase(t.Context(), "erased here")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := to.bring(data, Refuse); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]uint64{"a": 4, "erased here": 7} {
		if got := must(to.store.Room(t.Context(), id))(t).Generation; got != want {
			t.Errorf("room %q has generation %d, want %d", id, got, want)
		}
	}
	if _, err := to.bring(data, Replace); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]uint64{"a": 5, "erased here": 8} {
		if got := must(to.store.Room(t.Context(), id))(t).Generation; got != want {
			t.Errorf("room %q has generation %d after a replacement, want %d", id, got, want)
		}
		to.wantKeys(id, "a")
	}
}

// TestDamagedRoomsMove exports what is left.
func TestDamagedRoomsMove(t *testing.T) {
	from, to := newWorld(t), newWorld(t)
	from.twoSnapshots("demo")
	must(from.Keep(t.Context(), "demo", "the newest"))(t)
	from.damage("demo")
	for range 2 { // before and after the damage is known
		data, damaged := from.export(Export{All: true, Versions: true}, true)
		if damaged != 1 {
			t.Errorf("%d damaged", damaged)
		}
		i, err := to.bring(data, Replace)
		if err != nil || i.Versions != 0 {
			t.Fatalf("%+v, %v", i, err)
		}
		to.wantKeys("demo", "a")
		join(t, from.host, "demo", 2)
	}
}

// TestNothingIsImportedOfABadArchive imports what is no archive, or not a whole one, or contains what is no document.
func TestNothingIsImportedOfABadArchive(t *testing.T) {
	from, to := newWorld(t), newWorld(t)
	for _, id := range []string{"a", "b"} {
		join(t, from.host, id, 1).mustWrite(t, "x")
	}
	data, _ := from.export(Export{All: true}, true)
	empty := must(crdt.NewDoc(crdt.Options{}).EncodeStateAsUpdateV2(nil))(t)
	var nonsense, twice bytes.Buffer
	for b, bodies := range map[*bytes.Buffer][2]string{&nonsense: {"\x00\x00", "nonsense"}, &twice: {"", ""}} {
		w := must(archive.NewWriter(b, archive.Manifest{}, false))(t)
		for i, body := range bodies {
			id := fmt.Sprint("room", i)
			if body == "" {
				id, body = "room", string(empty)
			} else if i == 0 {
				body = string(empty)
			}
			if err := errors.Join(w.BeginRoom(archive.Room{ID: id}), w.EndRoom([]byte(body))); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, bad := range map[string][]byte{"cut": data[:len(data)-10], "foreign": []byte("hello"), "nonsense": nonsense.Bytes(), "twice": twice.Bytes()} {
		if _, err := to.bring(bad, Replace); err == nil {
			t.Errorf("%s was imported", name)
		} else if name == "twice" && !strings.Contains(err.Error(), "twice") {
			t.Error(err)
		}
	}
	if err := errors.Join(to.Create(t.Context(), "a", nil), to.Delete(t.Context(), "a")); err != nil {
		t.Fatal(err)
	}
	var conflict *ConflictError
	if _, err := to.bring(data, Replace); !errors.As(err, &conflict) || !strings.Contains(err.Error(), "deleted") {
		t.Errorf("over a deleted room: %v", err)
	}
	if rooms := must(to.store.Rooms(t.Context(), "", 10))(t); len(rooms) != 1 {
		t.Errorf("rooms were made: %+v", rooms)
	}
}

// TestUnfinishedImport stops in the middle of a room's versions: nobody takes one of those for the room.
func TestUnfinishedImport(t *testing.T) {
	from, to := newWorld(t), newWorld(t)
	a := join(t, from.host, "demo", 1)
	for i := range 50 {
		a.mustWrite(t, fmt.Sprint(i))
		must(from.Keep(t.Context(), "demo", ""))(t)
	}
	data, _ := from.export(Export{All: true, Versions: true}, false)
	i := Import{Existing: Refuse}
	source := io.MultiReader(bytes.NewReader(data[:len(data)*3/4]), iotest.ErrReader(errors.New("the line broke")))
	if err := to.Import(t.Context(), source, &i); err == nil {
		t.Fatal("an import whose source breaks off succeeded")
	}
	info, err := to.store.Room(t.Context(), "demo")
	if err != nil || !strings.Contains(info.Quarantine, "import") {
		t.Fatalf("%+v, %v", info, err)
	}
	m := join(t, to.host, "demo", 2)
	if err := m.write("x", "x"); !isClosed(err, protocol.CloseUnavailable) {
		t.Errorf("a room of which only a part is there can be written: %v", err)
	}
	if err := to.Erase(t.Context(), "demo"); err != nil {
		t.Fatal(err)
	}
	if i, err := to.bring(data, Refuse); err != nil || i.Versions != 50 || i.Created != 1 {
		t.Errorf("%+v, %v", i, err)
	}
	if n := len(to.keys("demo")); n != 50 {
		t.Errorf("%d keys", n)
	}
}
