package k8s

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// process is the id of Symphony's process in a pod: the one whose control group is the pod's. We see it because the node shares this
// machine.
func process(t testing.TB, p pod) int {
	t.Helper()
	groups, _ := filepath.Glob("/proc/[0-9]*/cgroup")
	for _, path := range groups {
		text, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(text, []byte(p.Metadata.UID)) {
			continue
		}
		dir := filepath.Dir(path)
		line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || !strings.HasPrefix(string(line), "/symphony\x00") {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			return pid
		}
	}
	t.Fatalf("no process found of pod %s", p.describe())
	return 0
}

func signal(t testing.TB, p pod, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(process(t, p), s); err != nil {
		t.Fatalf("signal %v to the process of pod %s: %v", s, p.Metadata.Name, err)
	}
}
