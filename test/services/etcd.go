package services

import (
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/symphony-rtc/symphony/test/network"
)

// Etcd starts an etcd of one member. What it has answered survives Kill. Its
// URL is http:// and Addr.
//
// Its timeouts are a tenth of what they are elsewhere, so leases of 1 s are possible, and it is soon back after a restart.
func Etcd(t testing.TB) *Server {
	t.Helper()
	return EtcdAt(t, network.Place{})
}

// EtcdAt is Etcd at a place, where its port is 2379.
func EtcdAt(t testing.TB, place network.Place) *Server {
	t.Helper()
	program := etcdProgram(t)
	s := newServer(t, place, "2379", "/health")
	url := "http://" + s.Addr
	peer := "http://" + place.Addr(t, "2380")
	s.command = func() *exec.Cmd {
		return exec.Command(program, "--name", "test", "--data-dir", s.Dir, "--log-level", "warn", "--logger", "zap",
			"--heartbeat-interval", "10", "--election-timeout", "100",
			"--listen-client-urls", url, "--advertise-client-urls", url,
			"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "test="+peer)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// etcdProgram is the path of etcd. Without one the test is skipped, or fails where everything has to be tested.
func etcdProgram(t testing.TB) string {
	t.Helper()
	program, err := exec.LookPath("etcd")
	if err != nil {
		err = errors.New("etcd is not installed: `scripts/setup.sh etcd` installs it")
		if os.Getenv("SYMPHONY_TEST_ALL") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return program
}
