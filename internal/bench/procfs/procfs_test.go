//go:build linux

package procfs

import (
	"bufio"
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestParseStatWithParenthesesInTheCommand(t *testing.T) {
	line := "77 (a) b (c) S 12 77 77 0 -1 4194304 5 0 0 0 250 50 0 0 20 0 3 0 900 1000000 300 18446744073709551615 1"
	got, err := parseStat(77, []byte(line))
	if err != nil {
		t.Fatal(err)
	}
	if got.parent != 12 || got.usage.CPU != 3*time.Second || got.usage.RSS != 300*int64(os.Getpagesize()) {
		t.Fatalf("parsed %+v", got)
	}
	if _, err := parseStat(1, []byte("1 (x) S 2")); err == nil {
		t.Fatal("a short line was taken")
	}
}

func TestReadSelfAndDescendants(t *testing.T) {
	// The shell burns some CPU, says so, and waits for the end of its input.
	child := exec.Command("sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; read x")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stdin.Close()
		_ = child.Wait() // the shell's own exit code, which does not matter
	}()
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	alone, err := Read(child.Process.Pid, false)
	if err != nil {
		t.Fatal(err)
	}
	if alone.CPU == 0 || alone.RSS == 0 {
		t.Fatalf("a busy process shows no usage: %+v", alone)
	}
	self, err := Read(os.Getpid(), false)
	if err != nil {
		t.Fatal(err)
	}
	family, err := Read(os.Getpid(), true)
	if err != nil {
		t.Fatal(err)
	}
	if family.CPU < self.CPU+alone.CPU {
		t.Fatalf("with descendants %v, alone %v and child %v", family.CPU, self.CPU, alone.CPU)
	}
}

func TestReadOfNoProcess(t *testing.T) {
	if _, err := Read(1<<30, false); err == nil {
		t.Fatal("a process that cannot exist was read")
	}
}

func TestBusy(t *testing.T) {
	got, err := parseBusy([]byte("cpu  100 20 30 9999 888 4 5 1 0 0\ncpu0 1 1 1 1\n"))
	if err != nil || got != 1600*time.Millisecond {
		t.Fatalf("busy %v, %v", got, err)
	}
	if _, err := parseBusy([]byte("intr 5\n")); err == nil {
		t.Fatal("another line was taken")
	}
	if got, err := Busy(); err != nil || got <= 0 {
		t.Fatalf("this machine: %v, %v", got, err)
	}
}
