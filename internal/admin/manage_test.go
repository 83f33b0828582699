package admin

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/protocol"
)

func updateFrame(t *testing.T, update string) protocol.Frame {
	t.Helper()
	return protocol.UpdateFrame(unhex(t, update))
}

// testTime is a time some seconds after another, lately.
func testTime(seconds int) time.Time {
	return time.Now().UTC().Truncate(time.Hour).Add(-time.Hour + time.Duration(seconds)*time.Second)
}

// send sends a request with a body.
func (w *world) send(method, path, contentType, body string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	answer := httptest.NewRecorder()
	w.api.ServeHTTP(answer, r)
	return answer
}

// call sends JSON, wants a status, and reads the answer into a T.
func call[T any](w *world, status int, method, path, body string) (into T) {
	w.t.Helper()
	answer := w.send(method, path, "application/json", body)
	if answer.Code != status {
		w.t.Fatalf("%s %s: %d %s", method, path, answer.Code, answer.Body)
	}
	if answer.Body.Len() > 0 {
		if err := json.Unmarshal(answer.Body.Bytes(), &into); err != nil {
			w.t.Fatalf("%s %s: %v", method, path, err)
		}
	}
	return into
}

func (w *world) text(path string) string {
	w.t.Helper()
	var document struct{ Text string }
	w.getJSON(path, &document)
	return document.Text
}

// wantError wants an error of a kind, whose message says something.
func (w *world) wantError(status int, code, says string, answer *httptest.ResponseRecorder) {
	w.t.Helper()
	var body apiError
	if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
		w.t.Errorf("%v: %s", err, answer.Body)
	}
	if answer.Code != status || body.Error.Code != code || !strings.Contains(body.Error.Message, says) {
		w.t.Errorf("%d %s, want %d %s and something about %q", answer.Code, answer.Body, status, code, says)
	}
}

func TestRoomIsCreatedOnce(t *testing.T) {
	w := newWorld(t)
	for id, body := range map[string]string{"v1": helloV1, "..": helloV1, "v2?format=v2": helloV2} {
		path := "/v1/rooms/" + strings.Replace(id, "..", "%2E%2E", 1)
		answer := w.send("PUT", path, "application/octet-stream", string(unhex(t, body)))
		if answer.Code != 201 {
			t.Fatalf("%s: %d %s", id, answer.Code, answer.Body)
		}
		path, _, _ = strings.Cut(path, "?")
		if got := hex.EncodeToString(w.get(path + "/update")); got != helloV1 {
			t.Errorf("%s: it contains %s", id, got)
		}
		w.wantError(409, "room_exists", "erase=true", w.send("PUT", path, "", ""))
	}
	if body := call[roomBody](w, 201, "PUT", "/v1/rooms/empty", ""); body.ID != "empty" || body.Updated != nil {
		t.Errorf("%+v", body)
	}
	w.wantError(415, "unsupported_content_type", "octet-stream", w.send("PUT", "/v1/rooms/x", "application/json", "{}"))
	w.wantError(400, "invalid_format", "v2", w.send("PUT", "/v1/rooms/x?format=v3", "", ""))
	w.wantError(400, "invalid_update", "no document", w.send("PUT", "/v1/rooms/x", "application/octet-stream", "nonsense"))
	w.wantError(400, "invalid_update", "no document", w.send("PUT", "/v1/rooms/x?format=v2", "application/octet-stream", "nonsense"))
	w.wantError(400, "invalid_update", "not in it", w.send("PUT", "/v1/rooms/x", "application/octet-stream", string(unhex(t, bang))))
	w.wantError(404, "room_not_found", "PUT /v1/rooms/x", w.do("GET", "/v1/rooms/x"))
}

func TestBodiesAreBounded(t *testing.T) {
	w := newWorld(t)
	w.stop()
	w.options.MaxUpdate = 10
	w.start()
	w.wantError(413, "too_large", "10 bytes", w.send("PUT", "/v1/rooms/x", "application/octet-stream", strings.Repeat("x", 11)))
	w.wantError(413, "too_large", "65536 bytes", w.send("POST", "/v1/rooms/x/versions", "application/json", strings.Repeat(" ", 65537)))
}

func TestRoomIsDeletedAndComesBack(t *testing.T) {
	w := newWorld(t)
	w.join("demo", helloV1).Leave()
	if body := call[roomBody](w, 200, "DELETE", "/v1/rooms/demo", ""); body.Deleted == nil {
		t.Errorf("%+v", body)
	}
	w.wantError(410, "room_deleted", "POST /v1/rooms/demo/undelete", w.send("PUT", "/v1/rooms/demo", "", ""))
	w.wantError(410, "room_deleted", "undelete", w.send("POST", "/v1/rooms/demo/repair", "application/json", ""))
	if body := call[roomBody](w, 200, "POST", "/v1/rooms/demo/undelete", ""); body.Deleted != nil {
		t.Errorf("%+v", body)
	}
	if got := w.text("/v1/rooms/demo/document"); got != "hello" {
		t.Errorf("it says %q", got)
	}
	w.wantError(400, "invalid_erase", "true", w.send("DELETE", "/v1/rooms/demo?erase=yes", "", ""))
	call[struct{}](w, 204, "DELETE", "/v1/rooms/demo?erase=true", "")
	w.wantError(404, "room_not_found", "connects", w.do("GET", "/v1/rooms/demo"))
	w.wantError(404, "room_not_found", "connects", w.send("DELETE", "/v1/rooms/demo", "", ""))
	if body := call[roomBody](w, 201, "PUT", "/v1/rooms/demo", ""); body.Generation != 2 {
		t.Errorf("generation %d of a new room by the old name", body.Generation)
	}
}

func TestHistory(t *testing.T) {
	w := newWorld(t)
	session := w.join("a/b", helloV1)
	defer session.Leave()
	const at = "/v1/rooms/a%2Fb"
	first := call[versionBody](w, 201, "POST", at+"/versions", `{"label": "first"}`)
	if first.Label != "first" || first.Kind != store.VersionManual || first.Generation != 1 || first.Updates != 1 || first.Created.IsZero() {
		t.Errorf("%+v", first)
	}
	v := fmt.Sprint(at, "/versions/", first.Number)
	if diff := cmp.Diff(first, call[versionBody](w, 200, "GET", v, "")); diff != "" {
		t.Error(diff)
	}
	if got := call[versionBody](w, 200, "PATCH", v, `{"label": "the first"}`); got.Label != "the first" {
		t.Errorf("%+v", got)
	}
	if err := session.Receive(updateFrame(t, bang)); err != nil {
		t.Fatal(err)
	}
	if got := w.text(v + "/document"); got != "hello" {
		t.Errorf("the version says %q", got)
	}
	if got := hex.EncodeToString(w.get(v + "/update?format=v2")); got != helloV2 {
		t.Errorf("the version is %s", got)
	}
	var patch []map[string]any
	w.getJSON(fmt.Sprintf("%s/diff?from=%d", at, first.Number), &patch)
	want := []map[string]any{{"op": "test", "path": "/text", "value": "hello"}, {"op": "replace", "path": "/text", "value": "hello!"}}
	if diff := cmp.Diff(want, patch); diff != "" {
		t.Error(diff)
	}
	w.getJSON(fmt.Sprintf("%s/diff?from=present&to=present", at), &patch)
	if len(patch) != 0 {
		t.Errorf("%v", patch)
	}

	back := call[restoredBody](w, 200, "POST", v+"/restore", `{"as": "edit"}`)
	if got := w.text(at + "/document"); got != "hello" || back.Before == nil || back.Generation != 1 || back.As != "edit" {
		t.Errorf("%q after %+v", got, back)
	}
	if same := call[restoredBody](w, 200, "POST", v+"/restore", ``); same.Before != nil {
		t.Errorf("nothing was to be done, but %+v", same)
	}
	before := fmt.Sprint(at, "/versions/", *back.Before)
	if got := w.text(before + "/document"); got != "hello!" {
		t.Errorf("the state before says %q", got)
	}
	go session.Leave() // replacing waits until members have left
	if back = call[restoredBody](w, 200, "POST", before+"/restore", `{"as": "replacement"}`); back.Generation != 2 || back.Before == nil {
		t.Errorf("%+v", back)
	}
	if got := w.text(at + "/document"); got != "hello!" {
		t.Errorf("after the replacement: %q", got)
	}
	w.wantError(409, "other_generation", "replacement", w.send("POST", v+"/restore", "application/json", `{}`))

	var all []uint64
	pages := 0
	for path := at + "/versions?limit=2"; path != ""; pages++ {
		page := call[versionsBody](w, 200, "GET", path, "")
		for _, v := range page.Versions {
			all = append(all, v.Number)
		}
		if path = ""; page.Next != nil {
			path = *page.Next
		}
	}
	if pages != 2 || len(all) < 3 || all[len(all)-1] != first.Number {
		t.Errorf("%d pages of versions: %v", pages, all)
	}
	call[struct{}](w, 204, "DELETE", v, "")
	w.wantError(404, "version_not_found", "/v1/rooms/a%2Fb/versions", w.do("GET", v))
}

func TestHistoryErrors(t *testing.T) {
	w := newWorld(t)
	w.join("demo", helloV1).Leave()
	w.join("blank").Leave()
	at := "/v1/rooms/demo"
	js := "application/json"
	for _, method := range []string{"GET", "PATCH", "DELETE"} {
		w.wantError(404, "version_not_found", "lists", w.send(method, at+"/versions/99", js, ""))
		w.wantError(404, "room_not_found", "connects", w.send(method, "/v1/rooms/none/versions/1", js, ""))
		w.wantError(400, "invalid_version", "number", w.send(method, at+"/versions/0", js, ""))
	}
	w.wantError(400, "invalid_version", "number", w.do("GET", at+"/versions/present/document"))
	w.wantError(404, "version_not_found", "lists", w.do("GET", at+"/versions/99/update"))
	w.wantError(404, "version_not_found", "lists", w.send("POST", at+"/versions/99/restore", js, ""))
	w.wantError(404, "room_not_found", "connects", w.send("POST", "/v1/rooms/none/versions/1/restore", js, ""))
	w.wantError(404, "not_found", "versions/{n}", w.do("GET", at+"/versions/1/other"))
	w.wantError(404, "not_found", "versions/{n}", w.do("GET", at+"/versions/1/document/x"))
	w.wantError(404, "room_not_found", "connects", w.do("GET", "/v1/rooms/none/versions"))
	w.wantError(404, "room_not_found", "connects", w.do("GET", "/v1/rooms/none/visits"))
	w.wantError(404, "room_not_found", "connects", w.do("GET", "/v1/rooms/none/diff?from=1"))
	w.wantError(404, "room_not_found", "connects", w.send("POST", "/v1/rooms/none/repair", js, ""))
	w.wantError(404, "room_not_found", "connects", w.send("POST", "/v1/rooms/none/undelete", js, ""))
	w.wantError(404, "version_not_found", "nobody wrote", w.send("POST", "/v1/rooms/blank/versions", js, ""))
	w.wantError(400, "invalid_version", "from", w.do("GET", at+"/diff"))
	w.wantError(404, "version_not_found", "lists", w.do("GET", at+"/diff?from=1"))
	w.wantError(400, "invalid_body", "unknown field", w.send("POST", at+"/versions", js, `{"name": "x"}`))
	w.wantError(400, "invalid_body", "JSON", w.send("POST", at+"/versions", js, `{} {}`))
	w.wantError(400, "invalid_label", "1000", w.send("POST", at+"/versions", js, `{"label": "`+strings.Repeat("x", 1001)+`"}`))
	w.wantError(400, "invalid_restore", "edit", w.send("POST", at+"/versions/1/restore", js, `{"as": "x"}`))
	w.wantError(409, "room_healthy", "nothing is wrong", w.send("POST", at+"/repair", js, ""))
	w.wantError(400, "invalid_before", "2", w.do("GET", at+"/visits?before=now"))
	w.wantError(405, "method_not_allowed", "DELETE, GET, HEAD, PUT", w.send("POST", at, js, ""))
	n := call[versionBody](w, 201, "POST", at+"/versions", "").Number
	w.wantError(400, "invalid_body", "label", w.send("PATCH", fmt.Sprint(at, "/versions/", n), js, "{}"))
}

func TestVisitsAreListed(t *testing.T) {
	w := newWorld(t)
	w.join("demo").Leave()
	for i := range 7 {
		v := store.Visit{Room: "demo", Connection: fmt.Sprint(i), Epoch: 1, Protocol: "yjs", Joined: testTime(i / 3)}
		w.store.Joined(v)
		v.Left, v.Reason = testTime(10), "gone"
		w.store.Left(v)
	}
	w.stop()
	w.start()
	var got []string
	for path := "/v1/rooms/demo/visits?limit=2"; path != ""; {
		page := call[visitsBody](w, 200, "GET", path, "")
		for _, v := range page.Visits {
			got = append(got, v.Connection)
			if v.Left == nil || v.Reason != "gone" || v.Protocol != "yjs" {
				t.Errorf("%+v", v)
			}
		}
		if path = ""; page.Next != nil {
			path = *page.Next
		}
	}
	if len(got) != 7 || got[0] != "6" {
		t.Errorf("visits of %v", got)
	}
	var body roomBody
	w.getJSON("/v1/rooms/demo", &body)
	if body.Joins != 7 || body.Members != 0 {
		t.Errorf("%+v", body)
	}
}

func TestDamagedRoomIsRepaired(t *testing.T) {
	w := newWorld(t)
	session := w.join("demo", helloV1)
	if err := w.host.Flush(t.Context(), "demo"); err != nil {
		t.Fatal(err)
	}
	if err := session.Receive(updateFrame(t, bang)); err != nil {
		t.Fatal(err)
	}
	session.Leave()
	w.stop()
	w.start()
	w.damage("demo")
	w.wantError(500, "room_corrupt", "/v1/rooms/demo/repair", w.do("GET", "/v1/rooms/demo/update"))
	w.join("demo").Leave()
	var body roomBody
	w.getJSON("/v1/rooms/demo", &body)
	if !strings.Contains(body.Quarantine, "checksum") {
		t.Errorf("%+v", body)
	}
	w.wantError(500, "room_corrupt", "repair", w.send("POST", "/v1/rooms/demo/versions", "application/json", ""))
	done := call[repairedBody](w, 200, "POST", "/v1/rooms/demo/repair", "")
	if len(done.Damage) == 0 || done.Rechecked || done.Through != 1 || done.Newest != 2 {
		t.Errorf("%+v", done)
	}
	if got := w.text("/v1/rooms/demo/document"); got != "hello" {
		t.Errorf("it says %q", got)
	}
}

// TestOnlyOwnPagesChangeSomething sends what pages of others could make a browser send.
func TestOnlyOwnPagesChangeSomething(t *testing.T) {
	w := newWorld(t)
	w.join("demo", helloV1).Leave()
	h := SameOrigin(w.api)
	for _, c := range []struct {
		name, method, path string
		headers            map[string]string
		want               int
	}{
		{"program", "POST", "/undelete", map[string]string{"Content-Type": "application/json"}, 200},
		{"program without content type", "POST", "/undelete", nil, 415},
		{"own page", "POST", "/undelete", map[string]string{"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}, 200},
		{"form of an old browser", "POST", "/undelete", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, 415},
		{"form in plain text of an old browser", "POST", "/undelete", map[string]string{"Content-Type": "text/plain"}, 415},
		{"form that navigates", "POST", "/undelete", map[string]string{"Content-Type": "application/x-www-form-urlencoded",
			"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 403},
		{"JSON that navigates", "POST", "/undelete", map[string]string{"Content-Type": "application/json",
			"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 403},
		{"fetch of another page", "DELETE", "", map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403},
		{"fetch of another page, old browser", "DELETE", "", map[string]string{"Origin": "https://evil.example"}, 403},
		{"address bar", "DELETE", "", map[string]string{"Sec-Fetch-Site": "none"}, 403},
		{"preflight", "OPTIONS", "", map[string]string{"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}, 403},
		{"program", "DELETE", "", nil, 200},
	} {
		r := httptest.NewRequest(c.method, "/v1/rooms/demo"+c.path, nil)
		for name, value := range c.headers {
			r.Header.Set(name, value)
		}
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		if answer.Code != c.want || answer.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d, want %d: %s", c.name, answer.Code, c.want, answer.Body)
		}
	}
}

func TestToken(t *testing.T) {
	w := newWorld(t)
	w.stop()
	w.options.Token = "secret token"
	w.start()
	for header, want := range map[string]int{
		"": 401, "Bearer": 401, "Bearer ": 401, "Bearer secret": 401, "Bearer secret tokens": 401, "Basic secret token": 401, "secret token": 401,
		"Bearer secret token": 200, "bearer  secret token": 200,
	} {
		for _, method := range []string{"GET", "DELETE"} {
			w.join("demo", helloV1).Leave()
			r := httptest.NewRequest(method, "/v1/rooms/demo", nil)
			r.Header.Set("Authorization", header)
			answer := httptest.NewRecorder()
			w.api.ServeHTTP(answer, r)
			if answer.Code != want {
				t.Errorf("%s with %q: %d %s", method, header, answer.Code, answer.Body)
			}
			if want == 401 {
				w.wantError(401, "unauthorized", "SYMPHONY_ADMIN_TOKEN", answer)
				if answer.Header().Get("WWW-Authenticate") == "" {
					t.Error("no WWW-Authenticate")
				}
			} else if method == "DELETE" {
				if err := w.store.Undelete(t.Context(), "demo"); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func TestReadOnly(t *testing.T) {
	w := newWorld(t)
	w.stop()
	w.options.ReadOnly = true
	w.start()
	w.join("demo", helloV1).Leave()
	w.get("/v1/rooms/demo")
	for _, c := range [][2]string{{"PUT", ""}, {"DELETE", ""}, {"POST", "/versions"}, {"POST", "/repair"}, {"PATCH", "/versions/1"}} {
		w.wantError(403, "read_only", "SYMPHONY_ADMIN_TOKEN", w.send(c[0], "/v1/rooms/demo"+c[1], "application/json", ""))
	}
}

// TestHeavyRequestsAreFew keeps the server from holding many documents at a time for its managers.
func TestHeavyRequestsAreFew(t *testing.T) {
	w := newWorld(t)
	w.join("demo", helloV1).Leave()
	for range maxHeavy {
		w.api.heavy <- struct{}{}
	}
	answer := w.do(http.MethodGet, "/v1/rooms/demo/diff?from=present")
	w.wantError(429, "busy", "try again", answer)
	if answer.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	<-w.api.heavy
	w.get("/v1/rooms/demo/diff?from=present")
}
