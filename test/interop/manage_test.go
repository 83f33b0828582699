package interop

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/test/harness"
)

// manage asks the server's management API.
func manage(t *testing.T, s *harness.Server, method, path, body string, into any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Addr+"/v1/rooms/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %s %v", method, path, answer.StatusCode, text, err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s %s: %v: %s", method, path, err, text)
	}
}

// content is a document without the order of its keys, which tells only when they were set.
func content(t *testing.T, document string) (roots map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(document), &roots); err != nil {
		t.Fatal(err)
	}
	return roots
}

// Real clients of both kinds stay while their room goes back to a version and forth again, as an edit.
func TestRestoreAsEditReachesRealClients(t *testing.T) {
	s := harness.StartServer(t)
	p := harness.StartPuppet(t)
	a, b := p.Join(s, harness.Plain, "a", "past"), p.Join(s, harness.Symphony, "b", "past")
	a.Do("append", args{"text": "one"}, nil)
	a.Do("set", args{"key": "k", "value": 1}, nil)
	harness.Converged(t, s, "past", a, b)
	then := string(s.Document("past"))
	var version struct{ Number int }
	manage(t, s, "POST", "past/versions", `{"label": "one"}`, &version)

	for i, c := range []*harness.Client{a, b} {
		c.Do("edit", args{"seed": i, "edits": 60}, nil)
	}
	b.Do("set", args{"key": "k", "value": 2}, nil)
	harness.Converged(t, s, "past", a, b)
	later := string(s.Document("past"))
	if later == then {
		t.Fatal("nothing was edited")
	}
	var done struct{ Before int }
	restore := func(n int) {
		manage(t, s, "POST", fmt.Sprintf("past/versions/%d/restore", n), `{"as": "edit"}`, &done)
		harness.Converged(t, s, "past", a, b)
	}
	restore(version.Number)
	was, now := content(t, then), content(t, string(s.Document("past")))
	for name, value := range was {
		if fmt.Sprint(now[name]) != fmt.Sprint(value) {
			t.Errorf("%s is %v, was %v", name, now[name], value)
		}
	}
	restore(done.Before)
	if got := string(s.Document("past")); fmt.Sprint(content(t, got)) != fmt.Sprint(content(t, later)) {
		t.Errorf("restored twice, it is %s, was %s", got, later)
	}
	a.Do("append", args{"text": " and on"}, nil)
	b.Do("append", args{"text": " and on"}, nil)
	harness.Converged(t, s, "past", a, b)
}
