package services

import (
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestEtcdComesBack kills and stops etcd and looks whether it has what it had.
func TestEtcdComesBack(t *testing.T) {
	s := Etcd(t)
	post := func(path, body string) string {
		t.Helper()
		resp, err := http.Post("http://"+s.Addr+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer := new(strings.Builder)
		if err := resp.Write(answer); err != nil {
			t.Fatal(err)
		}
		return answer.String()
	}
	post("/v3/kv/put", `{"key": "a2V5", "value": "dmFsdWU="}`)
	for _, end := range []func(){s.Kill, s.Stop, func() { s.Pause(); s.Resume(); s.Kill(); s.Kill() }} {
		end()
		if conn, err := net.Dial("tcp", s.Addr); err == nil {
			conn.Close()
			t.Fatal("it still listens")
		}
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		if answer := post("/v3/kv/range", `{"key": "a2V5"}`); !strings.Contains(answer, "dmFsdWU=") {
			t.Errorf("it has forgotten: %s", answer)
		}
	}
}
