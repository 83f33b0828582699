package manage

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/crdt/lib0"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/embedded"
	"github.com/symphony-rtc/symphony/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a manager over a real host and a real store, with another host on the same store if one is wanted.
type world struct {
	*Manager
	t     *testing.T
	dir   string
	store *embedded.Store
	host  *room.Host
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir()}
	w.start()
	t.Cleanup(w.stop)
	return w
}

func (w *world) start() {
	w.t.Helper()
	var err error
	if w.store, err = embedded.Open(w.dir, embedded.Options{Store: store.Options{KeepEvery: -1}}); err != nil {
		w.t.Fatal(err)
	}
	w.host = newHost(w.store)
	w.Manager = New(w.host, w.store.Store)
}

func newHost(s room.Store) *room.Host {
	return room.NewHost(s, room.Options{Grace: time.Hour, SnapshotEvery: time.Hour})
}

func (w *world) stop() {
	w.t.Helper()
	closeHost(w.t, w.host)
	if err := w.store.Close(); err != nil {
		w.t.Error(err)
	}
}

func closeHost(t *testing.T, h *room.Host) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := h.Close(ctx); err != nil {
		t.Error(err)
	}
}

// object is the path of a snapshot object.
func (w *world) object(key string) string {
	return filepath.Join(w.dir, "snapshots", filepath.FromSlash(key))
}

// damage changes the newest snapshot of a room.
func (w *world) damage(id string) {
	w.t.Helper()
	info := must(w.store.Room(w.t.Context(), id))(w.t)
	path := w.object(info.SnapshotKey)
	body := must(os.ReadFile(path))(w.t)
	body[len(body)-1] ^= 1
	if err := os.WriteFile(path, body, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// damageText changes the first letter of a text in the catalog's file; nothing may have it open.
func (w *world) damageText(text string) {
	w.t.Helper()
	path := filepath.Join(w.dir, "catalog.db")
	body := must(os.ReadFile(path))(w.t)
	if n := bytes.Count(body, []byte(text)); n != 1 {
		w.t.Fatalf("%q is %d times in the catalog", text, n)
	}
	if err := os.WriteFile(path, bytes.Replace(body, []byte(text), []byte("#"+text[1:]), 1), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// member is somebody in a room, without a network. It leaves when it is closed, as the gateway does.
type member struct {
	session *room.Session
	client  uint64
	clock   uint64

	mu     sync.Mutex
	frames [][]byte
	code   protocol.CloseCode
	closed chan struct{}
	left   sync.WaitGroup
}

func (m *member) Probe() {}

func (m *member) Send(frame []byte, _ bool) {
	at := 2
	switch frame[1] {
	case 126:
		at = 4
	case 127:
		at = 10
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.frames = append(m.frames, bytes.Clone(frame[at:]))
}

func (m *member) Close(code protocol.CloseCode, _ string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.code == 0 {
		m.code = code
		close(m.closed)
	}
}

// leave leaves the room and waits for that.
func (m *member) leave() {
	m.Close(1, "")
	m.left.Wait()
}

// join makes a member of a room that edits as a client of its own.
func join(t *testing.T, h *room.Host, id string, client uint64) *member {
	t.Helper()
	m := &member{client: client, closed: make(chan struct{})}
	session, err := h.Join(t.Context(), id, m, room.JoinOptions{Symphony: true})
	if err != nil {
		t.Fatal(err)
	}
	m.session = session
	m.left.Go(func() {
		<-m.closed
		session.Leave()
	})
	t.Cleanup(m.leave)
	return m
}

// write sets a key of the map "m", by an update of the member's own.
func (m *member) write(key, value string) error {
	update := setKey(m.client, m.clock, key, value)
	m.clock++
	return m.session.Receive(protocol.UpdateFrame(update))
}

func (m *member) mustWrite(t *testing.T, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if err := m.write(key, "value of "+key); err != nil {
			t.Fatal(err)
		}
	}
}

// erase deletes everything that the member wrote.
func (m *member) erase(t *testing.T) {
	t.Helper()
	update := []byte{0, 1}
	update = lib0.AppendUvarint(update, m.client)
	update = append(update, 1, 0)
	update = lib0.AppendUvarint(update, m.clock)
	if err := m.session.Receive(protocol.UpdateFrame(update)); err != nil {
		t.Fatal(err)
	}
}

// propose sends initial content.
func (m *member) propose(update []byte) error {
	payload := lib0.AppendBytes(lib0.AppendUvarint(nil, uint64(protocol.TypeInitial)), update)
	buf := append(make([]byte, protocol.HeaderRoom), payload...)
	return m.session.Receive(protocol.FrameAt(buf, protocol.HeaderRoom, len(buf)))
}

// generation is what the greeting said.
func (m *member) generation(t *testing.T) uint64 {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, payload := range m.frames {
		if payload[0] == byte(protocol.TypeHello) {
			_, n := lib0.Bytes(payload[1:])
			generation, _ := lib0.Uvarint(payload[1+n:])
			return generation
		}
	}
	t.Fatal("no hello")
	return 0
}

// setKey is the update (V1) of a client that sets a new key of the root map "m".
func setKey(client, clock uint64, key, value string) []byte {
	update := []byte{1, 1}
	update = lib0.AppendUvarint(update, client)
	update = lib0.AppendUvarint(update, clock)
	update = append(update, 0x28, 1) // ContentAny, with a parentSub; the parent is a root
	update = lib0.AppendString(update, []byte("m"))
	update = lib0.AppendString(update, []byte(key))
	update = append(update, 1, lib0TagString)
	update = lib0.AppendString(update, []byte(value))
	return append(update, 0)
}

const lib0TagString = 119

func keysOf(t *testing.T, doc *crdt.Doc) map[string]string {
	t.Helper()
	keys := map[string]string{}
	if err := json.Unmarshal(doc.MapJSON("m"), &keys); err != nil {
		t.Fatal(err)
	}
	return keys
}

// keys of the map "m" as the room has it now.
func (w *world) keys(id string) map[string]string {
	w.t.Helper()
	return keysOf(w.t, must(w.Document(w.t.Context(), id))(w.t))
}

func (w *world) versionKeys(id string, number uint64) map[string]string {
	w.t.Helper()
	_, doc, err := w.Version(w.t.Context(), id, number)
	if err != nil {
		w.t.Fatal(err)
	}
	return keysOf(w.t, doc)
}

func (w *world) wantKeys(id string, keys ...string) {
	w.t.Helper()
	got := w.keys(id)
	for _, key := range keys {
		if got[key] != "value of "+key {
			w.t.Errorf("key %q is %q", key, got[key])
		}
	}
	if len(got) != len(keys) {
		w.t.Errorf("the room has %v, want keys %s", got, strings.Join(keys, " "))
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
