package doctor_test

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the driver that the embedded store uses

	"github.com/symphony-rtc/symphony/internal/app"
	"github.com/symphony-rtc/symphony/internal/doctor"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

// world is storage with some rooms in it.
type world struct {
	t       *testing.T
	config  app.Config
	storage doctor.Storage
}

func newWorld(t *testing.T, config app.Config) *world {
	t.Helper()
	w := &world{t: t, config: config}
	w.storage = app.ForDoctor(config, slog.New(slog.DiscardHandler))
	return w
}

// embedded makes a world in a new data directory.
func embedded(t *testing.T) *world {
	t.Helper()
	config := app.Default()
	config.Data = t.TempDir()
	return newWorld(t, config)
}

// letter is an update that inserts a letter for a client: one byte of its id.
func letter(client byte) []byte { return []byte{1, 1, client, 0, 4, 1, 1, 't', 1, 'x', 0} }

// rooms makes rooms of five letters: the first is in a version, three in the newest snapshot, two in the one before, and the rest in the journal.
func (w *world) rooms(ids ...string) {
	w.t.Helper()
	s := w.change()
	defer w.close(s)
	for _, id := range ids {
		w.fill(s, id)
	}
}

// letters of the rooms that fill makes.
const letters = 5

func (w *world) fill(s *doctor.Opened, id string) {
	w.t.Helper()
	ctx := w.t.Context()
	rec := storetest.NewRecorder()
	h, stored, err := s.Claim(ctx, id, rec)
	if err != nil {
		w.t.Error(err)
		return
	}
	doc, err := stored.Document()
	for i := uint64(1); i <= letters && err == nil; i++ {
		seq := stored.LastSeq + i
		update := letter(byte(seq % 100))
		h.Append(seq, update)
		rec.WaitCommitted(w.t, seq)
		if i > 3 {
			continue
		}
		var snapshot []byte
		if _, err = doc.ApplyUpdate(update); err == nil {
			snapshot, err = doc.EncodeStateAsUpdateV2(nil)
		}
		if err == nil {
			err = h.Save(ctx, seq, snapshot)
		}
		if i == 1 && err == nil {
			_, err = s.Keep(ctx, id, store.VersionManual, "")
		}
	}
	if err == nil {
		err = h.Release(ctx)
	}
	if err != nil {
		w.t.Error(err)
	}
}

func (w *world) change() *doctor.Opened {
	w.t.Helper()
	s, err := w.storage.Change(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) close(s *doctor.Opened) {
	w.t.Helper()
	if err := s.Close(); err != nil {
		w.t.Error(err)
	}
}

// room describes a room as it is stored.
func (w *world) room(id string) store.Room {
	w.t.Helper()
	s, err := w.storage.Look(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	defer w.close(s)
	info, err := s.Room(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return info
}

// text is the text in a room, as a server would have it.
func (w *world) text(id string) string {
	w.t.Helper()
	s, err := w.storage.Look(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	defer w.close(s)
	stored, err := s.Read(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	doc, err := stored.Document()
	if err != nil {
		w.t.Fatal(err)
	}
	return doc.Text("t")
}

// run runs the doctor.
func (w *world) run(o doctor.Options) (doctor.Summary, []store.Finding) {
	w.t.Helper()
	var found []store.Finding
	sum, err := doctor.Run(w.t.Context(), w.storage, o, func(f store.Finding) { found = append(found, f) }, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return sum, found
}

// wantFine runs the doctor and wants nothing to be broken or doubtful, among so many rooms.
func (w *world) wantFine(rooms int64) {
	w.t.Helper()
	sum, found := w.run(doctor.Options{})
	if sum.State != store.Fine || sum.Rooms != rooms || sum.Damaged != 0 {
		w.t.Errorf("%+v, want %d rooms that are fine; %s", sum, rooms, describe(found))
	}
}

func describe(found []store.Finding) string {
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintf(&b, "\n  %v %s %q: %s (%s)", f.State, f.Check, f.Room, f.Text, f.Do)
	}
	return b.String()
}

// want is a finding: about a check, or a room if that is given, in some state, with a word in its text.
type want struct {
	check, room string
	state       store.State
	word        string
}

func (w *world) wantFound(found []store.Finding, wanted ...want) {
	w.t.Helper()
	for _, want := range wanted {
		ok := false
		for _, f := range found {
			ok = ok || f.Check == want.check && f.Room == want.room && f.State == want.state && strings.Contains(f.Text, want.word) &&
				(f.State == store.Fine || f.Do != "")
		}
		if !ok {
			w.t.Errorf("missing: %v %s %q with %q, among%s", want.state, want.check, want.room, want.word, describe(found))
		}
	}
}

// object is the file of a snapshot.
func (w *world) object(key string) string {
	return filepath.Join(w.config.Data, "snapshots", filepath.FromSlash(key))
}

// change changes a file.
func changeFile(t *testing.T, path string, f func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, f(bytes.Clone(b)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func flip(b []byte) []byte {
	b[len(b)-1] ^= 0x20
	return b
}

// sql runs a statement on the catalog file.
func (w *world) sql(statement string, args ...any) {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.config.Data, "catalog.db"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	result, err := db.Exec(statement, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	if n, err := result.RowsAffected(); n == 0 || err != nil {
		w.t.Fatalf("%s: %d rows, %v", statement, n, err)
	}
}

// files is what is in the data directory: name and hash of each file but SQLite's index of its log.
func (w *world) files() map[string]string {
	w.t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(w.config.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "-shm") {
			return err
		}
		b, err := os.ReadFile(path)
		if len(b) > 0 { // reading may leave an empty log
			all[path] = fmt.Sprintf("%x", sha256.Sum256(b))
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}
