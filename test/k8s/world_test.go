package k8s

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
	"github.com/symphony-rtc/symphony/test/services"
)

// world is Symphony in pods, with etcd, Postgres and S3 as processes beside the node, and the address where its proxies are.
type world struct {
	*space
	postgres *services.PostgresServer
	front    string // host:port of the proxies' Service
	server   *harness.Server
}

// quick are settings with which a test does not wait long.
func quick() map[string]string {
	return map[string]string{
		"SYMPHONY_ROOM_GRACE":        "2s",
		"SYMPHONY_CLUSTER_FREE":      "2",
		"SYMPHONY_CLUSTER_FREE_MOST": "4",
		"SYMPHONY_CLUSTER_LEASE":     "3s",
		"SYMPHONY_LOG_LEVEL":         "debug",
	}
}

// newWorld installs Symphony and waits until its pods are ready, free of them waiting for rooms (or all, where pods have many).
func newWorld(t *testing.T, c changes, free int) *world {
	t.Helper()
	w := &world{space: newSpace(t)}
	address := w.nodeAddress()
	w.postgres = services.Postgres(t, "fsync=off", "max_connections=400")
	bucket := services.S3(t)
	etcd := services.Etcd(t)

	if c.settings == nil {
		c.settings = quick()
	}
	c.settings["SYMPHONY_CLUSTER_REGISTRY"] = "etcd://" + forward(t, address, etcd.Addr) + "/symphony"
	seen := bucket.Via(forward(t, address, bucket.Addr))
	c.settings["SYMPHONY_STORAGE_SNAPSHOTS"] = seen.URL
	catalog := w.postgres.URLVia(forward(t, address, w.postgres.Addr), w.postgres.NewDatabase(t))
	secret := []string{"--namespace", w.name, "create", "secret", "generic", "symphony-store", "--from-literal=SYMPHONY_STORAGE_CATALOG=" + catalog}
	for _, variable := range seen.Env {
		secret = append(secret, "--from-literal="+variable)
	}
	kubectl(t, "", secret...)
	t.Cleanup(func() {
		if t.Failed() {
			w.logs()
		}
		// Pods go while there is a store to write to.
		_, _ = w.do(http.MethodDelete, "/api/v1/namespaces/"+w.name, nil, nil)
		eventually(t, func() (bool, string) {
			n := len(w.pods(""))
			return n == 0, fmt.Sprint(n, " pods are left")
		})
	})
	w.install(c)
	var service struct{ Spec struct{ ClusterIP string } }
	w.must(t, http.MethodGet, w.path("services/symphony"), nil, &service)
	w.front = service.Spec.ClusterIP + ":80"
	w.server = harness.NewServer(t)
	w.server.Addr = w.front
	w.waitReady("proxy", 2)
	w.waitReady("room", free)
	eventually(t, func() (bool, string) { // kube-proxy comes some time after readiness
		conn, err := net.DialTimeout("tcp", w.front, time.Second)
		if err != nil {
			return false, "the Service does not answer: " + err.Error()
		}
		conn.Close()
		return true, ""
	})
	return w
}

// nodeAddress is where pods reach processes of the node's network.
func (w *world) nodeAddress() string {
	w.t.Helper()
	for _, n := range w.nodes(w.t) {
		if a := n.address(); a != "" {
			return a
		}
	}
	w.t.Fatal("the node has no address")
	return ""
}

// waitReady waits until at least so many pods of a component are ready and have no room.
func (w *world) waitReady(component string, n int) []pod {
	w.t.Helper()
	var ready []pod
	eventually(w.t, func() (bool, string) {
		ready = nil
		text := ""
		for _, p := range w.pods(component) {
			text += "\n" + p.describe()
			if p.ready() && !p.ending() && p.pool() != "taken" {
				ready = append(ready, p)
			}
		}
		return len(ready) >= n, fmt.Sprintf("want %d pods of %s ready:%s", n, component, text)
	})
	return ready
}

// taken are the pods that have left the Deployment because they have a room.
func (w *world) taken() []pod {
	w.t.Helper()
	var taken []pod
	for _, p := range w.pods("room") {
		if p.pool() == "taken" && !p.ending() {
			taken = append(taken, p)
		}
	}
	return taken
}

// logs shows the end of what the pods have printed.
func (w *world) logs() {
	for _, p := range w.pods("") {
		if p.Metadata.Labels["app.kubernetes.io/component"] == "balloon" {
			continue
		}
		for _, previous := range []string{"false", "true"} {
			output, err := exec.Command("kubectl", "--kubeconfig", administratorFile, "--namespace", w.name, "logs", "--tail", "60",
				"--previous="+previous, p.Metadata.Name).CombinedOutput()
			if err == nil {
				w.t.Logf("%s (previous: %s)\n%s", p.describe(), previous, output)
			}
		}
	}
	events, _ := exec.Command("kubectl", "--kubeconfig", administratorFile, "--namespace", w.name, "get", "events",
		"--sort-by=.lastTimestamp").CombinedOutput()
	w.t.Logf("events:\n%s", events[max(0, len(events)-6000):])
}

// forward passes connections on from a free port of an address to another, until the test ends, and returns that port.
func forward(t *testing.T, address, to string) string {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	pass := func(in net.Conn) {
		defer in.Close()
		out, err := net.DialTimeout("tcp", to, 10*time.Second)
		if err != nil {
			return
		}
		defer out.Close()
		defer context.AfterFunc(ctx, func() {
			in.Close()
			out.Close()
		})()
		back := make(chan struct{})
		go func() {
			defer close(back)
			_, _ = io.Copy(in, out)
			_ = in.(*net.TCPConn).CloseWrite()
		}()
		_, _ = io.Copy(out, in)
		_ = out.(*net.TCPConn).CloseWrite()
		<-back
	}
	all.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { pass(in) })
		}
	})
	t.Cleanup(func() {
		cancel()
		listener.Close()
		all.Wait()
	})
	return listener.Addr().String()
}
