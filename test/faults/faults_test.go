// Package faults puts the real server into bad situations: SIGTERM, a second process, damaged data, full and read-only
// disks, clients that send nonsense.
package faults

import (
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

type args = harness.Command

// SIGTERM: members are told to reconnect, everything is stored, the exit code is 0.
func TestSigtermLosesNothing(t *testing.T) {
	s := harness.StartServer(t)
	p := harness.StartPuppet(t)
	plain := p.Join(s, harness.Plain, "plain", "drain")
	symphony := p.Join(s, harness.Symphony, "symphony", "drain")
	clients := []*harness.Client{plain, symphony}
	for i, c := range clients {
		c.Do("write", args{"seed": i, "pause": 3}, nil)
	}
	harness.Eventually(t, "some writing", func() bool { return len(plain.State().State) > 5000 })

	if code := s.Terminate(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	for _, c := range clients {
		c.Do("disconnect", nil, nil) // so that they cannot bring anything back
		closes := c.Status().Closes
		if len(closes) == 0 || closes[0].Code < 4500 || closes[0].Code > 4599 || closes[0].Reason == "" {
			t.Errorf("%s was disconnected with %+v instead of a transient close code and a reason", c.Name, closes)
		}
		c.Do("rest", nil, nil)
	}
	var told struct {
		Updates int
		Merged  []byte
	}
	symphony.Do("acknowledged", nil, &told)
	if told.Updates == 0 {
		t.Fatal("nothing was acknowledged")
	}

	s.Start()
	s.WaitReady()
	if !p.Contains(s.Update("drain", "v1"), told.Merged) {
		t.Error("acknowledged updates are missing after SIGTERM")
	}
	for _, c := range clients {
		c.Do("connect", nil, nil)
	}
	harness.Converged(t, s, "drain", clients...)
}

func TestSecondProcessOnSameDataIsRefused(t *testing.T) {
	first := harness.StartServer(t)
	p := harness.StartPuppet(t)
	a := p.Join(first, harness.Plain, "a", "alone")
	a.Do("append", args{"text": "mine"}, nil)

	second := harness.NewServer(t)
	second.Data = first.Data
	second.Start()
	code, output := second.WaitExit()
	if code == 0 {
		t.Error("the second process ended with exit code 0")
	}
	if !strings.Contains(output, first.Data) {
		t.Errorf("the second process does not name the data directory:\n%s", output)
	}
	t.Logf("the second process says:\n%s", output)

	a.Do("append", args{"text": " still"}, nil)
	if state := harness.Converged(t, first, "alone", a); state.Text != "mine still" {
		t.Errorf("the first process holds %q", state.Text)
	}
}
