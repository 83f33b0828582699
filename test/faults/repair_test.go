package faults

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/test/harness"
	"github.com/symphony-rtc/symphony/test/services"
)

// A room whose newest snapshot is damaged is shown as it was before, while others work. `symphony doctor` names it,
// `symphony repair` makes it writable again, and a client that has what is missing brings it back.
func TestRepairDamagedRoom(t *testing.T) {
	s := harness.NewServer(t, "--room-grace=10ms", "--room-snapshot=50ms")
	damagedRoom{t: t, s: s}.run()
}

// The same with the catalog in Postgres, where the server goes on while the room is repaired, and the journal still has what
// was in the newest snapshot only.
func TestRepairDamagedRoomBesideServer(t *testing.T) {
	p := services.Postgres(t)
	catalog := "--storage-catalog=" + p.URL("postgres")
	s := harness.NewServer(t, "--room-grace=10ms", "--room-snapshot=50ms", catalog)
	damagedRoom{t: t, s: s, flags: []string{catalog}, postgres: true}.run()
}

type damagedRoom struct {
	t        *testing.T
	s        *harness.Server
	flags    []string // of the commands, besides the data directory
	postgres bool     // the server may run during a repair, and nothing is missing after it
}

func (d damagedRoom) run() {
	t, s := d.t, d.s
	s.Start()
	s.WaitReady()
	p := harness.StartPuppet(t)
	author := p.Join(s, harness.Symphony, "author", "broken")
	author.Do("append", args{"text": "first "}, nil)
	author.Do("durable", nil, nil)
	harness.Eventually(t, "the first snapshot", func() bool { return len(d.snapshots()) > 0 })
	first := d.snapshots()[0]
	author.Do("append", args{"text": "second"}, nil)
	author.Do("durable", nil, nil)
	harness.Eventually(t, "the second snapshot", func() bool {
		all := d.snapshots()
		return all[len(all)-1] != first && d.info().Durable == d.through(all[len(all)-1])
	})
	writeRoom(t, s, "fine")
	author.Do("disconnect", nil, nil)
	if code := s.Terminate(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if code, output := d.symphony("doctor"); code != 0 {
		t.Fatalf("a healthy server: exit code %d\n%s", code, output)
	}
	all := d.snapshots()
	damaged, err := os.ReadFile(all[len(all)-1])
	if err != nil {
		t.Fatal(err)
	}
	damaged[len(damaged)-1] ^= 1
	if err := os.WriteFile(all[len(all)-1], damaged, 0o600); err != nil {
		t.Fatal(err)
	}

	s.Start()
	s.WaitReady()
	reader := p.Join(s, harness.Plain, "shown", "broken")
	before := reader.State().Text
	if !strings.HasPrefix("first second", before) || (before == "first second") != d.postgres {
		t.Errorf("the damaged room shows %q", before)
	}
	if d.info().Quarantine == "" {
		t.Error("the damaged room is not in quarantine")
	}
	writer := p.Join(s, harness.Plain, "refused", "broken")
	writer.Do("append", args{"text": "more"}, nil)
	harness.Eventually(t, "the writer to be sent away", func() bool { return len(writer.Status().Closes) > 0 })
	writer.Do("leave", nil, nil)
	if got := reader.State().Text; got != before {
		t.Errorf("the damaged room was written to: %q", got)
	}
	served(t, p, s, "fine")
	reader.Do("leave", nil, nil)
	// A server that has the damaged room open looks once a minute whether it was repaired.
	harness.Eventually(t, "the end of the room", func() bool { return !d.info().Open })

	code, output := d.symphony("doctor")
	if code != 1 || !strings.Contains(output, `"broken": `) || strings.Contains(output, `"fine": `) {
		t.Errorf("doctor: exit code %d\n%s", code, output)
	}
	if !d.postgres {
		if code, output := d.symphony("repair", "broken"); code != 1 || !strings.Contains(output, "in use by process") {
			t.Errorf("repair beside the server: exit code %d\n%s", code, output)
		}
		s.Terminate()
	}
	code, output = d.symphony("repair", "broken", "fine")
	if code != 0 || !strings.Contains(output, `"broken" repaired from`) || strings.Contains(output, "missing") == d.postgres {
		t.Fatalf("repair: exit code %d\n%s", code, output)
	}
	t.Logf("repair says:\n%s", output)
	if !d.postgres {
		s.Start()
		s.WaitReady()
	}
	if code, output := d.symphony("doctor"); code != 0 {
		t.Errorf("doctor after the repair: exit code %d\n%s", code, output)
	}

	// The author still has what is missing.
	author.Do("connect", nil, nil)
	again := p.Join(s, harness.Plain, "again", "broken")
	if text := harness.Converged(t, s, "broken", author, again).Text; text != "first second" {
		t.Errorf("the repaired room says %q", text)
	}
	again.Do("append", args{"text": " third"}, nil)
	if text := harness.Converged(t, s, "broken", author, again).Text; text != "first second third" {
		t.Errorf("the repaired room says %q after a change", text)
	}
	if code, output := d.symphony("doctor", "--rooms=broken"); code != 0 {
		t.Errorf("doctor in the end: exit code %d\n%s", code, output)
	}
}

// snapshots are the files of the room "broken", oldest first.
func (d damagedRoom) snapshots() []string {
	d.t.Helper()
	hash := sha256.Sum256([]byte("broken"))
	var own []string
	for _, file := range snapshotFiles(d.t, d.s.Data) {
		if strings.HasPrefix(filepath.Base(file), hex.EncodeToString(hash[:16])) {
			own = append(own, file)
		}
	}
	slices.Sort(own) // by epoch and number of the newest update
	return own
}

// through is the number of the newest update in a snapshot, from its name.
func (d damagedRoom) through(file string) uint64 {
	d.t.Helper()
	parts := strings.Split(filepath.Base(file), "-")
	b, err := hex.DecodeString(parts[2])
	if err != nil {
		d.t.Fatal(err)
	}
	n := uint64(0)
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

type roomInfo struct {
	Open       bool
	Durable    uint64
	Quarantine string
}

func (d damagedRoom) info() (info roomInfo) {
	d.t.Helper()
	if err := json.Unmarshal(d.s.Get("/v1/rooms/broken"), &info); err != nil {
		d.t.Fatal(err)
	}
	return info
}

// symphony runs a command on the server's storage and returns its exit code and what it printed.
func (d damagedRoom) symphony(args ...string) (int, string) {
	d.t.Helper()
	cmd := exec.Command(harness.Binary(d.t), slices.Concat(args, d.flags, []string{"--data", d.s.Data})...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		d.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), output.String()
}
