package process_test

import (
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster/process"
)

// limited is a world whose children have limits, if that is permitted here.
func limited(t *testing.T, o process.Options) *world {
	t.Helper()
	w := newWorld(t, "child", o, time.Minute)
	if e := w.log.entries(t, "cannot be given limits"); len(e) > 0 {
		t.Skipf("control groups cannot be used here: %s", e[0].Err)
	}
	return w
}

// TestMemoryLimit has a child take more memory than it may: it ends, and nobody else does.
func TestMemoryLimit(t *testing.T) {
	w := limited(t, process.Options{Capacity: 2, Memory: 100 << 20})
	w.scale(0, 2)
	all := w.await(2, 0)
	w.pid(all[0])
	for _, e := range w.log.entries(t, "ready") {
		if e.Host == all[0] && e.Pid != 0 && e.Limit != strconv.Itoa(100<<20/10*9) {
			t.Errorf("the child's GOMEMLIMIT is %q", e.Limit)
		}
	}
	w.tell(all[0], "eat")
	eventually(t, "the reason in the log", func() bool {
		e := w.log.entries(t, "more memory than")
		return len(e) == 1 && e[0].Host == all[0]
	})
	eventually(t, "another in its place", func() bool {
		list, _ := w.hosts()
		return len(list) == 2 && list[0] != all[0] && list[1] != all[0]
	})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	noGroups(t, all)
}

// noGroups looks for control groups that are left of hosts.
func noGroups(t *testing.T, ids []string) {
	t.Helper()
	for _, id := range ids {
		for _, depth := range []string{"", "*", "*/*", "*/*/*", "*/*/*/*"} {
			left, err := filepath.Glob(filepath.Join("/sys/fs/cgroup", depth, "symphony-"+id))
			if err != nil || len(left) > 0 {
				t.Errorf("%q is left, %v", left, err)
			}
		}
	}
}

// TestProcessorLimit has a child use all the processor time that it gets.
func TestProcessorLimit(t *testing.T) {
	w := limited(t, process.Options{Processors: 0.2})
	w.scale(1, 0)
	host := w.await(1, 0)[0]
	used, err := strconv.Atoi(w.tell(host, "spin"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("used %d ms of processor time in a second, may use 200", used)
	if used > 500 {
		t.Errorf("the child used %d ms in a second", used)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	noGroups(t, []string{host})
}
