package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// elsewhere is a registry's view in which other hosts serve some rooms.
func elsewhere(hosts map[string]string) func(string) (string, bool) {
	return func(room string) (string, bool) {
		host, ok := hosts[room]
		return host, ok
	}
}

func TestLocatedKnowsTheRoomsOfOtherHosts(t *testing.T) {
	w := newWorld(t)
	w.options.Host = "here"
	for _, id := range []string{"closed", "far & <away>", "mine"} {
		w.join(id, helloV1).Leave()
	}
	w.stop()
	w.start()
	session := w.join("mine")
	defer session.Leave()
	api := Located(w.api, elsewhere(map[string]string{"far & <away>": "there", "never heard of": "nowhere"}))
	get := func(path string) *httptest.ResponseRecorder {
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		return answer
	}

	type place struct {
		ID, Host string
		Open     bool
	}
	want := []place{{"closed", "", false}, {"far & <away>", "there", true}, {"mine", "here", true}}
	var page struct{ Rooms []place }
	if err := json.Unmarshal(get("/v1/rooms").Body.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, page.Rooms); diff != "" {
		t.Error(diff)
	}
	for i, path := range []string{"/v1/rooms/closed", "/v1/rooms/far%20&%20%3Caway%3E", "/v1/rooms/mine"} {
		var one place
		if err := json.Unmarshal(get(path).Body.Bytes(), &one); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want[i], one); diff != "" {
			t.Error(diff)
		}
	}

	// Everything else is as the host said it.
	const path = "/v1/rooms/far%20&%20%3Caway%3E"
	with, without := get(path).Body.String(), string(w.get(path))
	if got := strings.Replace(with, `"open":true,"host":"there"`, `"open":false`, 1); got != without {
		t.Errorf("located:\n%s\nwithout:\n%s", with, without)
	}
	for _, path := range []string{"/v1/rooms/mine/document", "/v1/rooms/never%20heard%20of", "/v1/rooms?limit=none", "/v1/nothing"} {
		plain := httptest.NewRecorder()
		w.api.ServeHTTP(plain, httptest.NewRequest(http.MethodGet, path, nil))
		if got := get(path); got.Code != plain.Code || got.Body.String() != plain.Body.String() {
			t.Errorf("%s: %d %s, want %d %s", path, got.Code, got.Body, plain.Code, plain.Body)
		}
	}
}

// Hosts of other versions may answer with more than this one knows, and other programs with anything.
func TestLocatedLeavesWhatItDoesNotKnow(t *testing.T) {
	for body, want := range map[string]string{
		`{"z":{"b":1,"a":2},"id":"a","new":[null],"open":false}`: `{"z":{"b":1,"a":2},"id":"a","new":[null],"open":true,"host":"h"}` + "\n",
		`{"id":"a","open":true,"host":"other"}`:                  `{"id":"a","open":true,"host":"h"}` + "\n",
		`{"id":"a"}`:                                             `{"id":"a","open":true,"host":"h"}` + "\n",
		`{"id":7}`:                                               `{"id":7}`,
		`[]`:                                                     `[]`,
		`null`:                                                   `null`,
		`{"id":"a"`:                                              `{"id":"a"`,
		`<html></html>`:                                          `<html></html>`,
		``:                                                       ``,
		`{"id":"unknown"} `:                                      `{"id":"unknown"}` + "\n",
	} {
		answer := httptest.NewRecorder()
		host := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			w.WriteHeader(http.StatusEarlyHints)
			_, _ = w.Write([]byte(body))
		})
		Located(host, elsewhere(map[string]string{"a": "h"})).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/v1/rooms/a", nil))
		if got := answer.Body.String(); got != want || answer.Header().Get("Content-Length") != fmt.Sprint(len(want)) {
			t.Errorf("%s: %s with %s, want %s", body, got, answer.Header(), want)
		}
	}
	for _, page := range []string{`{"rooms":null}`, `{"next":null}`, `{"rooms":[{}]}`, `{"rooms":[null]}`} {
		if got, err := locate([]byte(page), true, elsewhere(nil)); err == nil && string(got) != page {
			t.Errorf("%s became %s", page, got)
		}
	}
}

// An answer without a body says nothing of the length that it would have.
func TestLocatedHead(t *testing.T) {
	w := newWorld(t)
	w.join("a").Leave()
	server := httptest.NewServer(Located(w.api, elsewhere(map[string]string{"a": "h"})))
	defer server.Close()
	answer, err := http.Head(server.URL + "/v1/rooms/a")
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.ContentLength != -1 {
		t.Errorf("%d with a length of %d", answer.StatusCode, answer.ContentLength)
	}
}
