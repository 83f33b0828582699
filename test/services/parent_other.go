//go:build !linux

package services

import "syscall"

// endWithParent does nothing where the system cannot do it.
func endWithParent(*syscall.SysProcAttr) {}
