//go:build !linux

package proxy

func runHelper() bool { return false }
