package services

import (
	"net"
	"net/http"
	"testing"
)

// TestServersComeBack kills each server and starts it again on the same port.
func TestServersComeBack(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *Bucket{"S3": S3, "FakeS3": FakeS3, "GCS": GCS, "Azure": Azure} {
		t.Run(name, func(t *testing.T) {
			b := start(t)
			for _, end := range []func(){b.Kill, b.Stop, func() { b.Pause(); b.Resume(); b.Kill(); b.Kill() }} {
				end()
				if conn, err := net.Dial("tcp", b.Addr); err == nil {
					conn.Close()
					t.Fatal("it still listens")
				}
				if err := b.Start(); err != nil {
					t.Fatal(err)
				}
				resp, err := http.Get("http://" + b.Addr + b.probe)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
			}
		})
	}
}
