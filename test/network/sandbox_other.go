//go:build !linux

package network

import "os"

// Main runs a package's tests. Only Linux has what New needs.
func Main(run func() int) { os.Exit(run()) }
