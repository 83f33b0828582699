package etcd_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/clustertest"
	"github.com/symphony-rtc/symphony/internal/cluster/etcd"
	"github.com/symphony-rtc/symphony/test/services"
)

const hostEnv = "SYMPHONY_TEST_ETCD_HOST" // address of etcd and prefix: this process is a host, not a test

// TestHostProcess is the host of TestProcessFrozen and TestProcessKilled: it claims a room and says what happens to it.
func TestHostProcess(t *testing.T) {
	addr, prefix, ok := strings.Cut(os.Getenv(hostEnv), " ")
	if !ok {
		return // it is a part of others
	}
	r, err := etcd.Open(t.Context(), etcd.Options{Endpoints: []string{"http://" + addr}, Prefix: prefix, TTL: ttl})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	m := join(t, r, "child")
	claim(t, m, "room", "child")
	fmt.Println("child: has claimed")
	clustertest.Await(t, "the loss", m.Lost())
	_, err = m.Claim(context.Background(), "room")
	fmt.Println("child: has lost,", errors.Is(err, cluster.ErrNoMember))
	m = join(t, r, "child")
	h, err := m.Claim(t.Context(), "room")
	fmt.Println("child: room is of", h.ID, err)
}

// child starts a host as a process of its own. lines are what it says.
func child(t *testing.T, addr, prefix string) (process *os.Process, lines <-chan string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHostProcess$", "-test.timeout=100s")
	cmd.Env = append(os.Environ(), hostEnv+"="+addr+" "+prefix)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 100)
	go func() {
		defer close(said)
		for s := bufio.NewScanner(out); s.Scan(); {
			if line, ok := strings.CutPrefix(s.Text(), "child: "); ok {
				said <- line
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		for range said {
		}
		_ = cmd.Wait()
	})
	return cmd.Process, said
}

func expect(t testing.TB, lines <-chan string, want string) {
	t.Helper()
	if got := clustertest.Await(t, want, lines); got != want {
		t.Fatalf("the host says %q, want %q", got, want)
	}
}

// TestProcessFrozen stops a host's process for longer than its lease (SIGSTOP) and lets it go on.
func TestProcessFrozen(t *testing.T) {
	server := services.Etcd(t)
	prefix := newPrefix()
	r := open(t, server.Addr, prefix)
	m := join(t, r, "parent")
	process, lines := child(t, server.Addr, prefix)
	expect(t, lines, "has claimed")
	claim(t, m, "room", "child")
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	clustertest.Eventually(t, "the room is free", func() error {
		if h, err := m.Claim(t.Context(), "room"); err != nil || h.ID != "parent" {
			return fmt.Errorf("it is %q's, %v", h.ID, err)
		}
		return nil
	})
	if err := process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	expect(t, lines, "has lost, true")
	expect(t, lines, "room is of parent <nil>")
}

// TestProcessKilled kills a host's process.
func TestProcessKilled(t *testing.T) {
	server := services.Etcd(t)
	prefix := newPrefix()
	r := open(t, server.Addr, prefix)
	view := cluster.NewView(t.Context(), r)
	process, lines := child(t, server.Addr, prefix)
	expect(t, lines, "has claimed")
	clustertest.Eventually(t, "the view knows", func() error {
		if _, ok := view.Owner("room"); !ok {
			return errors.New("the room is free")
		}
		return nil
	})
	changed, cancel := view.Changed("room")
	defer cancel()
	began := time.Now()
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	clustertest.Await(t, "the view tells", changed)
	t.Logf("with a lease of %v, seen after %v", ttl, time.Since(began))
	clustertest.Eventually(t, "it is free", func() error {
		if _, err := r.Owner(t.Context(), "room"); !errors.Is(err, cluster.ErrFree) {
			return err
		}
		return nil
	})
}
