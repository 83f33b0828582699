// Package network gives the processes of a test places of their own: network namespaces with an address each, joined by a
// switch that can cut any two of them off from each other, and, where a test wants that, by wires that delay, lose, double or reorder
// packets or carry only so many. All of it is in a sandbox, a tree of processes with a network of its own
// that reaches nothing outside and ends, with everything in it, when the test does, however that ends.
package network

import (
	"net"
	"os/exec"
	"testing"
)

// Place is where a process runs. The zero Place is this process's own network, with addresses of the loopback.
type Place struct {
	IP    string                // empty: 127.0.0.1
	start func(*exec.Cmd) error // nil: as it is
}

// Start starts a process there.
func (p Place) Start(cmd *exec.Cmd) error {
	if p.start == nil {
		return cmd.Start()
	}
	return p.start(cmd)
}

// Elsewhere reports whether the place has a network of its own.
func (p Place) Elsewhere() bool { return p.start != nil }

// Addr is an address there, host:port, that nobody listens at: port, or on the loopback, which many share, one that is free now.
func (p Place) Addr(t testing.TB, port string) string {
	t.Helper()
	if p.Elsewhere() {
		return net.JoinHostPort(p.IP, port)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
