package admin

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/symphony-rtc/symphony/internal/archive"
)

func TestRoomsAreCopied(t *testing.T) {
	from, to := newWorld(t), newWorld(t)
	from.join("..", helloV1).Leave()
	from.join("all", helloV1, bang).Leave()
	call[versionBody](from, 201, "POST", "/v1/rooms/all/versions", `{"label": "kept"}`)
	const tarType = "application/x-tar"
	for _, c := range []struct {
		query string
		rooms int
	}{{"?room=..", 1}, {"?room=all&room=..&compress=true", 2}, {"?all=true&versions=true&compress=true", 2}} {
		data := string(from.get("/v1/export" + c.query))
		done := importedBody{Rooms: c.rooms, Created: c.rooms}
		if strings.Contains(c.query, "versions") {
			done.Versions = 1
		}
		var got importedBody
		answer := to.send("POST", "/v1/import", tarType, data)
		if answer.Code != 200 {
			t.Fatalf("%s: %d %s", c.query, answer.Code, answer.Body)
		}
		unmarshal(t, answer.Body.Bytes(), &got)
		if diff := cmp.Diff(done, got); diff != "" {
			t.Errorf("%s: %s", c.query, diff)
		}
		if got := hex.EncodeToString(to.get("/v1/rooms/%2E%2E/update")); got != helloV1 {
			t.Errorf("%s: %s", c.query, got)
		}
		to.wantError(409, "rooms_exist", `".."`, to.send("POST", "/v1/import", tarType, data))
		answer = to.send("POST", "/v1/import?existing=skip", tarType, data)
		unmarshal(t, answer.Body.Bytes(), &got)
		if got.Skipped != c.rooms {
			t.Errorf("%s: %s", c.query, answer.Body)
		}
		answer = to.send("POST", "/v1/import?existing=replace", tarType, data)
		unmarshal(t, answer.Body.Bytes(), &got)
		if got.Replaced != c.rooms {
			t.Errorf("%s: %s", c.query, answer.Body)
		}
		for _, id := range []string{"%2E%2E", "all"} {
			to.send("DELETE", "/v1/rooms/"+id+"?erase=true", "", "")
		}
		to.wantError(400, "invalid_archive", "nothing was imported", to.send("POST", "/v1/import", tarType, data[:len(data)/2]))
	}
	if page := call[pageBody](to, 200, "GET", "/v1/rooms", ""); len(page.Rooms) != 0 {
		t.Errorf("a part was imported: %+v", page)
	}
}

func unmarshal(t *testing.T, text []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

func TestCopyErrors(t *testing.T) {
	w := newWorld(t)
	w.join("demo", helloV1).Leave()
	w.join("deleted", helloV1).Leave()
	w.send("DELETE", "/v1/rooms/deleted", "", "")
	w.wantError(400, "invalid_rooms", "all=true", w.do("GET", "/v1/export"))
	w.wantError(400, "invalid_rooms", "all=true", w.do("GET", "/v1/export?all=true&room=demo"))
	w.wantError(400, "invalid_all", "true", w.do("GET", "/v1/export?all=yes"))
	w.wantError(400, "invalid_room_id", "empty", w.do("GET", "/v1/export?room="))
	w.wantError(404, "room_not_found", `"none"`, w.do("GET", "/v1/export?room=demo&room=none"))
	w.wantError(410, "room_deleted", "undelete", w.do("GET", "/v1/export?room=deleted"))
	w.wantError(405, "method_not_allowed", "POST", w.do("GET", "/v1/import"))
	w.wantError(400, "invalid_existing", "skip", w.send("POST", "/v1/import?existing=x", "application/x-tar", ""))
	w.wantError(415, "unsupported_content_type", "x-tar", w.send("POST", "/v1/import", "text/plain", ""))
	w.wantError(400, "invalid_archive", "no complete export", w.send("POST", "/v1/import", "application/x-tar", "hello"))
}

// TestExportIsCutOff fails in the middle of an export: the client must not take what it got for the whole.
func TestExportIsCutOff(t *testing.T) {
	w := newWorld(t)
	w.join("demo", helloV1).Leave()
	server := httptest.NewServer(&closing{w: w})
	defer server.Close()
	answer, err := http.Get(server.URL + "/v1/export?all=true")
	w.start()
	if err != nil {
		return // cut off before the first byte
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil {
		t.Error("the client was told that it has everything")
	}
	if r, err := archive.NewReader(bytes.NewReader(body)); err == nil {
		if _, err = r.NextRoom(); errors.Is(err, io.EOF) {
			t.Error("the archive seems whole")
		}
		r.Close()
	}
}

// closing closes the store under a request.
type closing struct {
	w    *world
	once sync.Once // the client may try again
}

func (c *closing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.once.Do(c.w.stop)
	c.w.api.ServeHTTP(w, r)
}
