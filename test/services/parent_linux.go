package services

import "syscall"

// endWithParent makes the system interrupt a process when the one that starts it dies without having ended it, as a
// test does that panics or takes too long. Strictly it is the thread that counts, and Go keeps its threads.
func endWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGINT }
