package faults

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/symphony-rtc/symphony/test/harness"
)

// A full disk: rooms go on, nothing is acknowledged, the server says that it is not well; once there is space again
// everything becomes durable.
func TestFullDisk(t *testing.T) {
	dir := harness.SmallDisk(t, "size=12m")
	s := harness.NewServer(t, "--room-snapshot=200ms")
	s.Data = dir
	s.Start()
	s.WaitReady()
	p := harness.StartPuppet(t)
	a := p.Join(s, harness.Symphony, "a", "full")
	b := p.Join(s, harness.Plain, "b", "full")
	a.Do("append", args{"text": "before "}, nil)
	a.Do("durable", nil, nil)

	ballast := harness.FillDisk(t, dir)
	a.Do("append", args{"text": strings.Repeat("x", 100_000)}, nil)
	harness.Eventually(t, "the other member to see what cannot be stored", func() bool {
		return len(b.State().Text) == 100_007
	})
	harness.Eventually(t, "/readyz to tell", func() bool {
		status, _, err := s.TryGet("/readyz")
		return err == nil && status == 503
	})
	if st := a.Status(); st.Durable == st.Sent {
		t.Error("an update was acknowledged that cannot have been stored")
	}
	if _, body, _ := s.TryGet("/readyz"); len(body) == 0 {
		t.Error("/readyz does not say what is wrong")
	} else {
		t.Logf("/readyz says: %s", body)
	}

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	a.Do("append", args{"text": " after"}, nil)
	a.Do("durable", nil, nil)
	s.WaitReady()
	a.Do("disconnect", nil, nil)
	b.Do("disconnect", nil, nil)
	s.Kill()
	s.Start()
	s.WaitReady()
	if got := p.Load("v1", s.Update("full", "v1")).Text; len(got) != 100_013 {
		t.Errorf("%d bytes of text after the disk was full, instead of 100013", len(got))
	}
}

// A data directory that cannot be written: refused with a message that names it, also if rooms are already in it.
func TestReadOnlyDataDirectory(t *testing.T) {
	dir := harness.SmallDisk(t, "")
	s := harness.NewServer(t)
	s.Data = dir
	readOnly(t, dir, true)
	refusedStart(t, s)

	readOnly(t, dir, false)
	s.Start()
	s.WaitReady()
	p := writeRoom(t, s, "kept")
	if code := s.Terminate(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	readOnly(t, dir, true)
	refusedStart(t, s)
	readOnly(t, dir, false)
	s.Start()
	s.WaitReady()
	served(t, p, s, "kept")
}

func refusedStart(t *testing.T, s *harness.Server) {
	t.Helper()
	s.Start()
	code, output := s.WaitExit()
	if code == 0 || !strings.Contains(output, s.Data) {
		t.Errorf("exit code %d, and it says:\n%s", code, output)
	}
	t.Logf("it says:\n%s", output)
}

func readOnly(t *testing.T, dir string, yes bool) {
	t.Helper()
	flags := uintptr(unix.MS_REMOUNT)
	if yes {
		flags |= unix.MS_RDONLY
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", flags, ""); err != nil {
		t.Fatalf("remounting: %v", err)
	}
}
