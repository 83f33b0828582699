package admin

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/symphony-rtc/symphony/internal/manage"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/roomid"
	"github.com/symphony-rtc/symphony/internal/store/embedded"
	"github.com/symphony-rtc/symphony/protocol"
)

// Made by yjs 13.6.33: client 7 wrote "hello" into the text "text" and 1 into the map "map" under "k"; client 8 added "!".
const (
	helloV1 = "01020700040104746578740568656c6c6f2801036d6170016b017d0100"
	helloV2 = "00000107000003040028120d7465787468656c6c6f6d61706b0405030101010001010102007d0100"
	bang    = "01010800840704012100"
	bothV1  = "020108008407040121020700040104746578740568656c6c6f2801036d6170016b017d0100"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// member is a connection without a network.
type member struct{}

func (member) Send([]byte, bool)                {}
func (member) Probe()                           {}
func (member) Close(protocol.CloseCode, string) {}

// world is the API over a real host and a real store.
type world struct {
	t     *testing.T
	dir   string
	store *embedded.Store
	host  *room.Host
	api   *API

	options Options
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.start()
	t.Cleanup(w.stop)
	return w
}

func (w *world) start() {
	w.t.Helper()
	var err error
	if w.store, err = embedded.Open(w.dir, embedded.Options{}); err != nil {
		w.t.Fatal(err)
	}
	w.host = room.NewHost(w.store, room.Options{})
	w.api = NewAPI(w.host, manage.New(w.host, w.store.Store), slog.New(slog.DiscardHandler), w.options)
}

func (w *world) stop() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := w.host.Close(ctx); err != nil {
		w.t.Error(err)
	}
	if err := w.store.Close(); err != nil {
		w.t.Error(err)
	}
}

// join makes a member of a room and sends updates.
func (w *world) join(id string, updates ...string) *room.Session {
	w.t.Helper()
	session, err := w.host.Join(w.t.Context(), id, member{}, room.JoinOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, update := range updates {
		if err := session.Receive(protocol.UpdateFrame(unhex(w.t, update))); err != nil {
			w.t.Fatal(err)
		}
	}
	return session
}

func (w *world) do(method, path string) *httptest.ResponseRecorder {
	w.t.Helper()
	answer := httptest.NewRecorder()
	w.api.ServeHTTP(answer, httptest.NewRequest(method, path, nil))
	return answer
}

// get returns the body of a path that must be there.
func (w *world) get(path string) []byte {
	w.t.Helper()
	answer := w.do(http.MethodGet, path)
	if answer.Code != http.StatusOK {
		w.t.Fatalf("GET %s: %d %s", path, answer.Code, answer.Body)
	}
	return answer.Body.Bytes()
}

func (w *world) getJSON(path string, into any) {
	w.t.Helper()
	if err := json.Unmarshal(w.get(path), into); err != nil {
		w.t.Fatalf("GET %s: %v", path, err)
	}
}

// Any id can be read, open and closed, and both ways of reading agree.
func TestRoomIsReadTheSameOpenAndStored(t *testing.T) {
	for _, id := range []string{"demo", "..", ".", "a/b", "/", "\x00", "%2F", "document", "ä 🎻?#", strings.Repeat("x", roomid.MaxBytes)} {
		t.Run(id, func(t *testing.T) {
			w := newWorld(t)
			session := w.join(id, helloV1)
			at := "/v1/rooms/" + roomid.Encode(id)
			check := func(when string, open bool, members int) {
				t.Helper()
				if got := hex.EncodeToString(w.get(at + "/update")); got != helloV1 {
					t.Errorf("%s: update is %s", when, got)
				}
				if got := hex.EncodeToString(w.get(at + "/update?format=v2")); got != helloV2 {
					t.Errorf("%s: update v2 is %s", when, got)
				}
				var document map[string]any
				w.getJSON(at+"/document", &document)
				if diff := cmp.Diff(map[string]any{"text": "hello", "map": map[string]any{"k": 1.0}}, document); diff != "" {
					t.Errorf("%s: %s", when, diff)
				}
				var body roomBody
				w.getJSON(at, &body)
				if body.ID != id || body.Open != open || body.Members != members || body.Updates != 1 || body.Generation != 1 || body.Epoch != 1 {
					t.Errorf("%s: %+v", when, body)
				}
				if body.Created.IsZero() || time.Since(body.Created) > time.Hour {
					t.Errorf("%s: created %v", when, body.Created)
				}
			}
			check("open", true, 1)
			session.Leave()
			w.stop()
			w.start()
			check("stored", false, 0) // and reading it again and again does not open it: the epoch stays
			if len(w.host.Open()) != 0 {
				t.Error("reading opened a room")
			}
		})
	}
}

func TestOpenRoomIsReadAsItsMembersSeeIt(t *testing.T) {
	w := newWorld(t)
	session := w.join("demo", helloV1, bang)
	defer session.Leave()
	if got := w.get("/v1/rooms/demo/update"); !bytes.Equal(got, unhex(t, bothV1)) {
		t.Errorf("update is %x", got)
	}
	var document struct{ Text string }
	w.getJSON("/v1/rooms/demo/document", &document)
	if document.Text != "hello!" {
		t.Errorf("text is %q", document.Text)
	}
}

func TestPagesListEveryRoomOnce(t *testing.T) {
	w := newWorld(t)
	var want []string
	for i := range 7 {
		id := fmt.Sprintf("room %d/&ä", i)
		want = append(want, id)
		w.join(id).Leave()
	}
	var got []string
	pages := 0
	for path := "/v1/rooms?limit=3"; path != ""; pages++ {
		if u, err := url.Parse(path); err != nil || u.Path != roomsPath {
			t.Fatalf("next is %q: %v", path, err)
		}
		var page pageBody
		w.getJSON(path, &page)
		for _, r := range page.Rooms {
			got = append(got, r.ID)
			if !r.Open || r.Updated != nil {
				t.Errorf("%+v", r)
			}
		}
		path = ""
		if page.Next != nil {
			path = *page.Next
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || pages != 3 {
		t.Errorf("%d pages: %s", pages, diff)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	w := newWorld(t)
	w.join("demo", helloV1).Leave()
	for _, c := range []struct {
		method, path string
		status       int
		code, says   string
	}{
		{"GET", "/v1/rooms/none", 404, "room_not_found", "/rooms/none"},
		{"GET", "/v1/rooms/none/document", 404, "room_not_found", "connects"},
		{"GET", "/v1/rooms/none/update", 404, "room_not_found", "connects"},
		{"GET", "/v1/rooms/demo/update?format=v3", 400, "invalid_format", "v1"},
		{"GET", "/v1/rooms/demo/other", 404, "not_found", "versions/{n}"},
		{"GET", "/v1/rooms/demo/document/", 404, "not_found", "%2F"},
		{"GET", "/v1/rooms?limit=0", 400, "invalid_limit", "1000"},
		{"GET", "/v1/rooms?limit=x", 400, "invalid_limit", "1000"},
		{"GET", "/v1/rooms/%ff", 400, "invalid_room_id", "UTF-8"},
		{"GET", "/v1/rooms//document", 400, "invalid_room_id", "empty"},
		{"GET", "/v1/rooms/" + strings.Repeat("x", 256), 400, "invalid_room_id", "255"},
		{"GET", "/v1/", 404, "not_found", "/v1/rooms"},
		{"GET", "/v1/roomsandmore", 404, "not_found", "/v1/rooms"},
		{"POST", "/v1/rooms", 405, "method_not_allowed", "GET"},
		{"DELETE", "/v1/rooms/demo/document", 405, "method_not_allowed", "GET, HEAD"},
	} {
		answer := w.do(c.method, c.path)
		var body apiError
		if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
			t.Errorf("%s %s: %v: %s", c.method, c.path, err, answer.Body)
			continue
		}
		if answer.Code != c.status || body.Error.Code != c.code || !strings.Contains(body.Error.Message, c.says) {
			t.Errorf("%s %s: %d %s", c.method, c.path, answer.Code, answer.Body)
		}
	}
}

// damage changes a byte of the newest snapshot of a room.
func (w *world) damage(id string) {
	w.t.Helper()
	room, err := w.store.Room(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	path := filepath.Join(w.dir, "snapshots", filepath.FromSlash(room.SnapshotKey))
	object, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	object[len(object)-1] ^= 1
	if err := os.WriteFile(path, object, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func TestDamagedSnapshotIsAnErrorOfThatRoomOnly(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"broken", "whole"} {
		w.join(id, helloV1).Leave()
	}
	w.stop()
	w.start()
	w.damage("broken")
	if answer := w.do("GET", "/v1/rooms/broken/update"); answer.Code != 500 || !strings.Contains(answer.Body.String(), "room_corrupt") {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if got := hex.EncodeToString(w.get("/v1/rooms/whole/update")); got != helloV1 {
		t.Errorf("the other room is %s", got)
	}
}

func TestAnswersAreNotForCachesOrOtherOrigins(t *testing.T) {
	w := newWorld(t)
	w.join("demo", helloV1).Leave()
	for _, path := range []string{"/v1/rooms", "/v1/rooms/demo/update", "/v1/rooms/demo/document", "/v1/rooms/none"} {
		header := w.do("GET", path).Header()
		if header.Get("Cache-Control") != "no-store" || header.Get("Cross-Origin-Resource-Policy") != "same-origin" ||
			header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", path, header)
		}
	}
}
