package storetest

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"
)

// KillRooms is how many rooms a process writes to that is going to be killed.
const KillRooms = 8

// KillUpdate is what such a process writes as number seq of a room.
func KillUpdate(room int, seq uint64) string { return fmt.Sprintf("room %d update %d", room, seq) }

// Teller is a Recorder for such a process: it prints what is durable, for KillOnce.
type Teller struct {
	*Recorder
	room int
}

// NewTeller makes one for a room, a number below KillRooms.
func NewTeller(room int) *Teller { return &Teller{NewRecorder(), room} }

// Committed implements room.JournalEvents.
func (e *Teller) Committed(seq uint64) {
	fmt.Println("durable", e.room, seq) // one write, whole
	e.Recorder.Committed(seq)
}

// KillOnce starts the test binary with more variables, name=value, in its environment, waits until it prints "ready", and
// kills it at a random moment within a time. durable gets what its Tellers reported.
func KillOnce(t testing.TB, durable *[KillRooms]uint64, within time.Duration, environ ...string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), environ...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); line != "ready\n" {
		t.Fatalf("the process said %q, %v", line, err)
	}
	timer := time.AfterFunc(rand.N(within), func() { cmd.Process.Kill() })
	defer timer.Stop()
	for {
		line, err := lines.ReadString('\n')
		if err != nil { // a line that was cut off reports nothing
			break
		}
		var i int
		var seq uint64
		if _, err := fmt.Sscanf(line, "durable %d %d", &i, &seq); err != nil {
			t.Fatalf("the process said %q", line)
		}
		durable[i] = max(durable[i], seq)
	}
	io.Copy(io.Discard, lines)
	cmd.Wait() // it was killed: an error
}
