package harness

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/test/network"
)

// Puppet is a Node process with real clients that does what it is told (test/node/puppet.mjs).
type Puppet struct {
	t     testing.TB
	cmd   *exec.Cmd
	in    io.WriteCloser
	logs  *logBuffer
	ended chan struct{} // closed when no more answers come

	mu      sync.Mutex
	next    int
	waiting map[int]chan answer
}

type answer struct {
	ID    int             `json:"id"`
	Value json.RawMessage `json:"value"`
	Error string          `json:"error"`
}

// Command is what a puppet is told; "do" and, for most, "client".
type Command map[string]any

// StartPuppet starts a process. It ends with the test.
func StartPuppet(t testing.TB) *Puppet {
	t.Helper()
	return StartPuppetAt(t, network.Place{})
}

// StartPuppetAt is StartPuppet at a place.
func StartPuppetAt(t testing.TB, place network.Place) *Puppet {
	t.Helper()
	p := &Puppet{t: t, logs: &logBuffer{}, ended: make(chan struct{}), waiting: map[int]chan answer{}}
	p.cmd = exec.Command("node", filepath.Join(Root(), "test", "node", "puppet.mjs"))
	p.cmd.Stderr = p.logs
	p.cmd.WaitDelay = 5 * time.Second
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in = in
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := place.Start(p.cmd); err != nil {
		t.Fatalf("starting Node: %v (install Node 20 or newer, then run npm ci)", err)
	}
	go p.read(out)
	t.Cleanup(p.stop)
	return p
}

func (p *Puppet) read(out io.Reader) {
	defer close(p.ended)
	lines := bufio.NewReaderSize(out, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var a answer
		if err := json.Unmarshal(line, &a); err != nil {
			fmt.Fprintf(p.logs, "unreadable answer: %s", line)
			return
		}
		p.mu.Lock()
		c := p.waiting[a.ID]
		delete(p.waiting, a.ID)
		p.mu.Unlock()
		if c != nil {
			c <- a
		}
	}
}

// Kill ends the process with SIGKILL: its clients vanish without a word.
func (p *Puppet) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

func (p *Puppet) stop() {
	_ = p.in.Close() // the process ends at the end of its input
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	_ = p.cmd.Wait()
	if p.t.Failed() && p.logs.String() != "" {
		p.t.Logf("Node's output:\n%s", p.logs.String())
	}
}

// Do has a command done, decodes what it answers into value (nil: ignored), and fails the test if it cannot be done.
func (p *Puppet) Do(c Command, value any) {
	p.t.Helper()
	if err := p.Try(c, value); err != nil {
		p.t.Fatalf("%v: %v", c["do"], err)
	}
}

// Try is Do that returns the error. It may be called from several goroutines.
func (p *Puppet) Try(c Command, value any) error {
	reply := make(chan answer, 1)
	p.mu.Lock()
	p.next++
	id := p.next
	p.waiting[id] = reply
	line := Command{"id": id}
	for k, v := range c {
		line[k] = v
	}
	text, err := json.Marshal(line)
	if err == nil {
		_, err = p.in.Write(append(text, '\n'))
	}
	p.mu.Unlock()
	if err != nil {
		return fmt.Errorf("telling Node: %w", err)
	}
	select {
	case a := <-reply:
		if a.Error != "" {
			return fmt.Errorf("the client says: %s", a.Error)
		}
		if value == nil {
			return nil
		}
		return json.Unmarshal(a.Value, value)
	case <-p.ended:
		return fmt.Errorf("node ended:\n%s", p.logs.String())
	case <-time.After(10 * patience):
		return fmt.Errorf("node did not answer within %s", 10*patience)
	}
}

// State is what a document holds. The updates are normal: equal documents have equal bytes.
type State struct {
	State   []byte          `json:"state"` // V1, base64 in JSON
	Vector  []byte          `json:"vector"`
	Pending bool            `json:"pending"`
	Text    string          `json:"text"`
	Array   json.RawMessage `json:"array"`
	Map     json.RawMessage `json:"map"`
	XML     string          `json:"xml"`
}

// State is what a client has.
func (p *Puppet) State(client string) State {
	p.t.Helper()
	var s State
	p.Do(Command{"do": "state", "client": client}, &s)
	return s
}

// Load is what yjs makes of an update; format is v1 or v2.
func (p *Puppet) Load(format string, update []byte) State {
	p.t.Helper()
	var s State
	p.Do(Command{"do": "load", format: update}, &s)
	return s
}

// Contains reports whether a document made of whole has everything that part says.
func (p *Puppet) Contains(whole, part []byte) bool {
	p.t.Helper()
	var yes bool
	p.Do(Command{"do": "contains", "whole": whole, "part": part}, &yes)
	return yes
}

// Eventually waits until condition holds; it fails the test after far more time than that should take.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s", patience, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
