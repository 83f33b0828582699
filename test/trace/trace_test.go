// Package trace types recorded editing sessions through a real client into the real server.
package trace

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/symphony-rtc/symphony/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// tracesDir is where the traces are: $SYMPHONY_TRACES, or next to the repository.
func tracesDir() string {
	if dir := os.Getenv("SYMPHONY_TRACES"); dir != "" {
		return dir
	}
	return filepath.Join(harness.Root(), "..", "shared", "data", "editing-traces")
}

// result is what a puppet answers that typed a trace.
type result struct {
	Edits int
	End   string
	Same  bool // the typist's own text is the end of the trace
}

// One person's text is in the room after the server was killed and started again.
func TestTypedTraceSurvivesRestart(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute; run without -short")
	}
	file := trace(t, "automerge-paper.json.gz")
	s := harness.StartServer(t)
	p := harness.StartPuppet(t)
	typist := p.Join(s, harness.Plain, "typist", "trace")
	var r result
	typist.Do("trace", harness.Command{"file": file}, &r)
	survives(t, s, p, r, typist)
}

// Two people who typed at the same time, in two programs' worth of clients: each says what it said in the session as soon
// as it has heard what was heard then.
func TestTwoTypistsSurviveRestart(t *testing.T) {
	file := trace(t, "friendsforever.json.gz")
	s := harness.StartServer(t)
	p := harness.StartPuppet(t)
	a := p.Join(s, harness.Plain, "a", "trace")
	b := p.Join(s, harness.Plain, "b", "trace")
	var r result
	p.Do(harness.Command{"do": "together", "clients": []string{a.Name, b.Name}, "file": file}, &r)
	survives(t, s, p, r, a, b)
}

// trace is the path of a trace; the test is skipped if it is not there.
func trace(t *testing.T, name string) string {
	t.Helper()
	file := filepath.Join(tracesDir(), name)
	if _, err := os.Stat(file); err != nil {
		t.Skipf("the trace is not here (%v): set SYMPHONY_TRACES to a directory with %s of josephg/editing-traces", err, name)
	}
	return file
}

// survives kills the server once everything is durable and looks for the text in its next life.
func survives(t *testing.T, s *harness.Server, p *harness.Puppet, r result, typists ...*harness.Client) {
	t.Helper()
	if !r.Same {
		t.Fatal("the typist's own text is not the end of the trace: the test types it wrongly")
	}
	t.Logf("typed %d edits, %d bytes of text", r.Edits, len(r.End))

	// y-websocket does not tell what is durable; a symphony client does. Its own update comes after all it has seen,
	// and what is durable is so in order.
	witness := p.Join(s, harness.Symphony, "witness", "trace")
	harness.Eventually(t, "the witness to see the whole text", func() bool { return witness.State().Text == r.End })
	witness.Do("set", harness.Command{"key": "seen", "value": true}, nil)
	witness.Do("durable", nil, nil)
	for _, c := range append(typists, witness) {
		c.Do("leave", nil, nil)
	}
	s.Kill()

	s.Start()
	s.WaitReady()
	var document map[string]json.RawMessage
	if err := json.Unmarshal(s.Document("trace"), &document); err != nil {
		t.Fatal(err)
	}
	var text string
	if err := json.Unmarshal(document["text"], &text); err != nil {
		t.Fatalf("%v in %.200s", err, document["text"])
	}
	if text != r.End {
		t.Errorf("the document view holds %d bytes instead of %d", len(text), len(r.End))
	}
	if got := p.Join(s, harness.Plain, "fresh", "trace").State().Text; got != r.End {
		t.Errorf("a fresh client sees %d bytes instead of %d", len(got), len(r.End))
	}
}
