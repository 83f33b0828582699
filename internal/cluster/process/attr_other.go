//go:build !linux

package process

import (
	"os"
	"syscall"
)

// dieWithUs does nothing here: children notice that their connection to this process is lost.
func dieWithUs(*syscall.SysProcAttr) {}

// Self is this program for exec.Command.
func Self() (string, error) { return os.Executable() }
