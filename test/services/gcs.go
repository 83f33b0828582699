package services

import (
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/test/network"
)

// GCS starts fake-gcs-server, which keeps objects as files and asks for no credentials.
func GCS(t testing.TB) *Bucket {
	t.Helper()
	program := tool(t, "fake-gcs-server", "gcs", "bin", "tools", "fake-gcs-server")
	s := newServer(t, network.Place{}, "", "/storage/v1/b?project=test")
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	s.command = func() *exec.Cmd {
		return exec.Command(program, "-scheme", "http", "-host", host, "-port", port, "-backend", "filesystem",
			"-filesystem-root", s.Dir, "-public-host", s.Addr, "-log-level", "warn")
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if err := makeGCSBucket(s.Addr); err != nil {
		t.Fatal(err)
	}
	return &Bucket{
		Server: s, Durable: true,
		URL: "gs://" + bucketName + "/test",
		Env: []string{"STORAGE_EMULATOR_HOST=" + s.Addr},
	}
}

func makeGCSBucket(addr string) error {
	resp, err := http.Post("http://"+addr+"/storage/v1/b?project=test", "application/json",
		strings.NewReader(`{"name": "`+bucketName+`"}`))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("make a bucket: the server answers %s", resp.Status)
	}
	return nil
}
