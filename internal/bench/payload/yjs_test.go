package payload

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// applied is what testdata/apply.mjs prints.
type applied struct {
	Text    string                    `json:"text"`
	Vector  map[string]uint64         `json:"vector"`
	Pending bool                      `json:"pending"`
	States  map[string]map[string]any `json:"states"`
	Clocks  map[string]uint64         `json:"clocks"`
	Replies []string                  `json:"replies"`
	Whole   string                    `json:"whole"`
	Merged  string                    `json:"merged"`
	Step1   string                    `json:"step1"`
}

func applyWithYjs(t *testing.T, messages [][]byte) applied {
	t.Helper()
	if _, err := os.Stat("../../../node_modules/yjs"); err != nil {
		if os.Getenv("SYMPHONY_TEST_ALL") != "" {
			t.Fatal("npm packages are missing: run `npm ci` in the repository first")
		}
		t.Skip("needs npm packages: run `npm ci` in the repository first")
	}
	var in bytes.Buffer
	for _, m := range messages {
		fmt.Fprintln(&in, hex.EncodeToString(m))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", "testdata/apply.mjs")
	node.Stdin = &in
	var errOut bytes.Buffer
	node.Stderr = &errOut
	out, err := node.Output()
	if err != nil {
		t.Fatalf("yjs refused the messages: %v\n%s", err, errOut.String())
	}
	var a applied
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// run is the text of a user's updates after+1 to through.
func run(after, through uint32) string {
	var b []byte
	for n := after + 1; n <= through; n++ {
		b = AppendText(b, n)
	}
	return string(b)
}

// Real yjs must take every message, in any interleaving of users, and end with all text of all users.
func TestYjsTakesEveryMessage(t *testing.T) {
	clients := []uint64{1<<31 + 7, 1<<31 + 8, 1<<31 + 9, 1<<32 - 1}
	const each = 150
	rng := rand.New(rand.NewPCG(4, 2))
	sent := make([]uint32, len(clients))
	present := make([]uint32, len(clients))
	messages := [][]byte{AppendStep1(nil)}
	for total := 0; total < each*len(clients); {
		i := rng.IntN(len(clients))
		if sent[i] < each {
			sent[i]++
			total++
			messages = append(messages, AppendUpdate(nil, clients[i], sent[i]))
		}
		if rng.IntN(2) == 0 {
			present[i]++
			messages = append(messages, AppendPresence(nil, clients[i], present[i]))
		}
	}
	got := applyWithYjs(t, messages)
	if got.Pending {
		t.Fatal("yjs waits for structs that were never sent")
	}
	if len(got.Text) != each*len(clients)*UpdateUnits {
		t.Fatalf("the text has %d characters, %d were typed", len(got.Text), each*len(clients)*UpdateUnits)
	}
	if n := strings.Count(got.Text, run(0, each)); n != len(clients) {
		t.Fatalf("the text holds %d whole runs of %d users:\n%s", n, len(clients), got.Text)
	}
	for i, c := range clients {
		id := fmt.Sprint(c)
		if got.Vector[id] != each*UpdateUnits {
			t.Errorf("client %d has clock %d, wanted %d", c, got.Vector[id], each*UpdateUnits)
		}
		if got.Clocks[id] != uint64(present[i]) {
			t.Errorf("awareness of client %d has clock %d, wanted %d", c, got.Clocks[id], present[i])
		}
		user, _ := got.States[id]["user"].(map[string]any)
		cursor, _ := got.States[id]["cursor"].(map[string]any)
		if user["name"] == "" || user["color"] == "" || cursor["x"] == nil || cursor["y"] == nil {
			t.Errorf("awareness state of client %d is %v", c, got.States[id])
		}
	}
	if want := hex.EncodeToString([]byte{TypeSync, SyncStep2, 2, 0, 0}); len(got.Replies) != 1 || got.Replies[0] != want {
		t.Errorf("a step 1 of an empty document was answered with %v, wanted %s", got.Replies, want)
	}
	// What yjs makes of it (merged items, merged updates, its state vector) must be read back completely.
	for name, message := range map[string]string{"whole": got.Whole, "merged": got.Merged} {
		seen := recorder{units: map[uint64]uint64{}}
		if err := Decode(unhex(t, message), clients[0], &seen); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, c := range clients {
			if seen.units[c] != each*UpdateUnits {
				t.Errorf("%s: read %d units of client %d, wanted %d", name, seen.units[c], c, each*UpdateUnits)
			}
		}
	}
	vector := recorder{}
	if err := Decode(unhex(t, got.Step1), clients[2], &vector); err != nil || vector.known != each*UpdateUnits {
		t.Errorf("read of yjs' state vector: %d known units, %v", vector.known, err)
	}
}

// A server that has only the beginning gets the rest by sync step 2, also when it asks in the middle of an update.
func TestYjsTakesStep2(t *testing.T) {
	const client, sent = 1<<31 + 12345, 20
	for _, known := range []uint64{0, 3, UpdateUnits, 5*UpdateUnits + 1, sent * UpdateUnits, 99 * UpdateUnits} {
		have := uint32(known / UpdateUnits)
		messages := [][]byte{}
		for n := uint32(1); n <= min(have, sent); n++ {
			messages = append(messages, AppendUpdate(nil, client, n))
		}
		messages = append(messages, AppendStep2(nil, client, known, sent))
		if got := applyWithYjs(t, messages); got.Text != run(0, sent) || got.Pending {
			t.Errorf("with %d units known, the text became %q", known, got.Text)
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
