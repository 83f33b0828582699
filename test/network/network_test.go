//go:build linux

package network

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m.Run) }

// server serves its own address at port 80 of a machine: this program, started again.
func TestHelperServer(t *testing.T) {
	addr := os.Getenv("TEST_SERVE_AT")
	if addr == "" {
		t.Skip("a helper of TestNetwork")
	}
	t.Fatal(http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ask := r.URL.Query().Get("ask"); ask != "" {
			c := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
			resp, err := c.Get("http://" + ask)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
				return
			}
			resp.Body.Close()
		}
		from, _, _ := net.SplitHostPort(r.RemoteAddr)
		_, _ = io.WriteString(w, from)
	})))
}

// TestNetwork: machines see each other with their own addresses, unless they are cut off from each other, one way or both.
func TestNetwork(t *testing.T) {
	for range 2 { // networks beside each other
		t.Run("", testNetwork)
	}
}

func testNetwork(t *testing.T) {
	t.Parallel()
	n := New(t)
	a, b := n.Machine("a"), n.Machine("b")
	for _, m := range []*Machine{a, b} {
		cmd := exec.Command("/proc/self/exe", "-test.run", "^TestHelperServer$")
		cmd.Env = append(os.Environ(), "TEST_SERVE_AT="+m.Addr(t, "80"))
		if err := m.Start(cmd); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
	}
	ask := func(url string) (int, string) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			resp, err := http.Get(url)
			if err == nil {
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil {
					t.Fatal(err)
				}
				return resp.StatusCode, string(body)
			}
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
		}
	}
	reaches := func(from, to *Machine) bool {
		t.Helper()
		status, said := ask("http://" + from.IP + "/?ask=" + to.IP)
		if status != http.StatusOK && !strings.Contains(said, "Timeout") && !strings.Contains(said, "deadline") {
			t.Fatalf("%s does not reach %s: %s", from.Name, to.Name, said)
		}
		return status == http.StatusOK
	}
	if _, said := ask("http://" + a.IP); said != n.address(1) {
		t.Fatalf("a request of this process comes from %s", said)
	}
	ask("http://" + b.IP) // it is up
	if !reaches(a, b) || !reaches(b, a) {
		t.Fatal("machines do not reach each other")
	}
	n.Part(a, b)
	if reaches(a, b) || reaches(b, a) {
		t.Fatal("machines reach each other after Part")
	}
	n.Cut(a, b)
	n.Join(a, b)
	if reaches(a, b) {
		t.Fatal("what was cut twice and healed once is whole")
	}
	if status, _ := ask("http://" + a.IP); status != http.StatusOK {
		t.Fatal("this process does not reach a machine that is cut off from another")
	}
	n.Heal(a, b)
	if !reaches(a, b) || !reaches(b, a) {
		t.Fatal("machines do not reach each other after Heal")
	}
}

// TestNothingOutside: the sandbox has no way out, and its processes are its own.
func TestNothingOutside(t *testing.T) {
	t.Parallel()
	New(t)
	routes, err := os.ReadFile("/proc/net/route")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(routes)), "\n")[1:] {
		if fields := strings.Fields(line); fields[2] != "00000000" {
			t.Errorf("there is a gateway: %s", line)
		}
	}
	if conn, err := net.DialTimeout("tcp", "192.0.2.1:80", time.Second); err == nil {
		conn.Close()
		t.Error("the sandbox reaches another network")
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil || len(processes) > 20 {
		t.Errorf("the sandbox sees %d processes, %v", len(processes), err)
	}
}
