package interop

import (
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/test/harness"
)

// A client of the npm package knows what is durable, and survives that its server is killed and another one takes its place.
func TestNpmClientChangesServers(t *testing.T) {
	s := harness.StartServer(t)
	other := harness.NewServer(t)
	other.Data = s.Data
	p := harness.StartPuppet(t)
	urls := []string{s.WebSocketURL(), other.WebSocketURL()}
	var clients []*harness.Client
	for _, kind := range []string{harness.Npm, harness.Symphony, harness.Plain} {
		clients = append(clients, p.JoinAny(urls, kind, kind, "two servers / one room", 30))
	}
	for _, c := range clients {
		c.Do("synced", nil, nil)
		c.Do("append", args{"text": "written by " + c.Name + "; "}, nil)
	}
	clients[0].Do("durable", nil, nil)
	harness.Converged(t, s, "two servers / one room", clients...)
	s.Kill()
	clients[0].Do("append", args{"text": "meanwhile"}, nil)
	other.Start()
	clients[0].Do("durable", nil, nil)
	state := harness.Converged(t, other, "two servers / one room", clients...)
	if !strings.Contains(state.Text, "meanwhile") {
		t.Errorf("the text is %q", state.Text)
	}
	for _, c := range clients {
		if status := c.Status(); status.Lost != 1 {
			t.Errorf("%s lost %d connections instead of one: %+v", c.Name, status.Lost, status)
		}
	}
	var waited struct {
		Longest float64
		Pending int
	}
	clients[0].Do("waited", nil, &waited)
	if waited.Longest <= 0 || waited.Pending != 0 {
		t.Errorf("the npm client waited %v", waited)
	}
	var told struct {
		Count  int
		Merged []byte
	}
	clients[0].Do("acknowledged", nil, &told)
	if told.Count != 2 || !p.Contains(other.Update("two servers / one room", "v1"), told.Merged) {
		t.Errorf("%d updates were durable for the npm client, of 2", told.Count)
	}
	clients[0].Do("disconnect", nil, nil)
	clients[1].Do("append", args{"text": " while it was away"}, nil)
	clients[0].Do("connect", nil, nil)
	harness.Converged(t, other, "two servers / one room", clients...)
}
