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

// The text that a session ended with is in the room after the server was killed and started again.
func TestTypedTraceSurvivesRestart(t *testing.T) {
	t.Run("automerge-paper", func(t *testing.T) {
		if testing.Short() {
			t.Skip("takes half a minute; run without -short")
		}
		typed(t, "automerge-paper.json.gz")
	})
	t.Run("friendsforever", func(t *testing.T) { typed(t, "friendsforever.json.gz") })
}

func typed(t *testing.T, name string) {
	file := filepath.Join(tracesDir(), name)
	if _, err := os.Stat(file); err != nil {
		t.Skipf("the trace is not here (%v): set SYMPHONY_TRACES to a directory with %s of josephg/editing-traces", err, name)
	}
	s := harness.StartServer(t)
	p := harness.StartPuppet(t)
	typist := p.Join(s, harness.Plain, "typist", "trace")
	var result struct {
		Edits int
		End   string
		Same  bool
	}
	typist.Do("trace", harness.Command{"file": file}, &result)
	if !result.Same {
		t.Fatal("the typist's own text is not the end of the trace: the test types it wrongly")
	}
	t.Logf("typed %d edits, %d bytes of text", result.Edits, len(result.End))

	// y-websocket does not tell what is durable; a symphony client does. Its own update comes after all it has seen,
	// and what is durable is so in order.
	witness := p.Join(s, harness.Symphony, "witness", "trace")
	harness.Eventually(t, "the witness to see the whole text", func() bool { return witness.State().Text == result.End })
	witness.Do("set", harness.Command{"key": "seen", "value": true}, nil)
	witness.Do("durable", nil, nil)
	typist.Do("leave", nil, nil)
	witness.Do("leave", nil, nil)
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
	if text != result.End {
		t.Errorf("the document view holds %d bytes instead of %d", len(text), len(result.End))
	}
	if got := p.Join(s, harness.Plain, "fresh", "trace").State().Text; got != result.End {
		t.Errorf("a fresh client sees %d bytes instead of %d", len(got), len(result.End))
	}
}
