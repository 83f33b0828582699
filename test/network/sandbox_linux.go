package network

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// stage says in the environment how deep in a sandbox a process is.
const (
	stage       = "SYMPHONY_TEST_SANDBOX"
	stageInit   = "init"   // process 1, which the tests are a child of
	stageInside = "inside" // the tests
)

// Main runs a package's tests in a sandbox: it starts this program again, in namespaces of its own, and ends with the exit code of run
// there. Where a sandbox cannot be had (it takes root and Linux), run is called as it is, and New skips its tests.
// It is called first in TestMain and does not return.
func Main(run func() int) {
	switch os.Getenv(stage) {
	case stageInside:
		os.Exit(run())
	case stageInit:
		os.Exit(rule())
	}
	cmd := again(stageInit)
	// Whatever is in a PID namespace ends when its process 1 does, and that ends with this process.
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL,
	}
	if err := cmd.Start(); err != nil {
		errNoSandbox = fmt.Errorf("starting a sandbox: %w", err)
		os.Exit(run())
	}
	err := cmd.Wait()
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed):
		os.Exit(max(1, failed.ExitCode()))
	case err != nil:
		fmt.Fprintln(os.Stderr, "the sandbox:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// errNoSandbox says why this process is in no sandbox.
var errNoSandbox = errors.New("this process is in no sandbox: its TestMain does not call network.Main")

// again is this program, with the same arguments.
func again(next string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), stage+"="+next)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd
}

// rule is process 1 of a sandbox: it starts the tests and, until they end, buries the processes that others left behind.
func rule() int {
	for _, mount := range []func() error{
		func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") },
		func() error { return unix.Mount("proc", "/proc", "proc", 0, "") }, // with the processes of this namespace
	} {
		if err := mount(); err != nil {
			fmt.Fprintln(os.Stderr, "the sandbox: mounting:", err)
			return 1
		}
	}
	tests := again(stageInside)
	if err := tests.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "the sandbox:", err)
		return 1
	}
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			fmt.Fprintln(os.Stderr, "the sandbox: waiting for the tests:", err)
			return 1
		case pid == tests.Process.Pid && status.Exited():
			return status.ExitStatus()
		case pid == tests.Process.Pid && status.Signaled():
			return 128 + int(status.Signal())
		}
	}
}
