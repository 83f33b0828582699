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

// daemon is a process of Kubernetes itself on the node.
type daemon struct {
	t    testing.TB
	name string
	pid  int
	args []string
}

// findDaemon finds one that runs: kube-apiserver, etcd, ... The one of this node is that in our network.
func findDaemon(t testing.TB, name string) *daemon {
	t.Helper()
	ours, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		text, err := os.ReadFile(path)
		if err != nil || !bytes.HasPrefix(text, []byte("hyperkube\x00"+name+"\x00")) {
			continue
		}
		dir := filepath.Dir(path)
		if network, err := os.Readlink(filepath.Join(dir, "ns", "net")); err != nil || network != ours {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			return &daemon{t: t, name: name, pid: pid, args: strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")}
		}
	}
	t.Fatalf("no %s runs on the node", name)
	return nil
}

func (d *daemon) signal(s syscall.Signal) {
	d.t.Helper()
	if err := syscall.Kill(d.pid, s); err != nil {
		d.t.Fatalf("signal %v to %s: %v", s, d.name, err)
	}
}

// freeze stops the process, so that connections to it hang. thaw may be called more than once.
func (d *daemon) freeze() (thaw func()) {
	d.t.Helper()
	d.signal(syscall.SIGSTOP)
	return func() { _ = syscall.Kill(d.pid, syscall.SIGCONT) }
}

// kill ends the process at once, so that connections to it are refused. again starts it anew with the same flags, once. The new one ends with the
// node.
func (d *daemon) kill() (again func()) {
	d.t.Helper()
	d.signal(syscall.SIGKILL)
	done := false
	return func() {
		if done {
			return
		}
		done = true
		log, err := os.Create(filepath.Join(nodeDir(d.t), "log", d.name+"-again.log"))
		if err != nil {
			d.t.Fatal(err)
		}
		defer log.Close()
		// With --fork it becomes a child of the node's first process, as the one before.
		cmd := insideNode(d.t, "setsid", append([]string{"--fork"}, d.args...)...)
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Run(); err != nil {
			d.t.Fatalf("start %s again: %v", d.name, err)
		}
	}
}
