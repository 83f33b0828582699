package process

import "syscall"

// dieWithUs makes a child die when this process does, however that ends, and keeps the keys of a terminal (Ctrl-C) from it:
// its end is this process's business.
func dieWithUs(a *syscall.SysProcAttr) {
	a.Pdeathsig = syscall.SIGKILL
	a.Setpgid = true
}

// Self is this program for exec.Command, also when its file was replaced by another version meanwhile: a supervisor and its
// children must be of the same.
func Self() (string, error) { return "/proc/self/exe", nil }
