package k8s

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// nodeDir is where the node of scripts/test-k8s.sh has its state.
func nodeDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("SYMPHONY_TEST_K8S_RUN")
	if dir == "" {
		t.Fatal("SYMPHONY_TEST_K8S_RUN is not set: `make test-k8s` sets it")
	}
	return dir
}

// insideNode is a command in the namespaces of the node's processes. It has to be started with a path that is the same there.
func insideNode(t testing.TB, program string, args ...string) *exec.Cmd {
	t.Helper()
	pid, err := os.ReadFile(filepath.Join(nodeDir(t), "pid1"))
	if err != nil {
		t.Fatal(err)
	}
	within := []string{"--target", strings.TrimSpace(string(pid)), "--mount", "--net", "--pid", "--ipc", "--", program}
	return exec.Command("nsenter", append(within, args...)...)
}

// secondNode starts another node beside the first one (second-node.sh), waits until both are ready, and returns their names. The second
// one is gone after the test.
func secondNode(t *testing.T) (nodes []string) {
	t.Helper()
	c := connect(t)
	first := c.nodes(t)
	if len(first) != 1 {
		t.Fatalf("there are %d nodes already", len(first))
	}
	hyperkube, err := exec.LookPath("hyperkube")
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("second-node.sh")
	if err != nil {
		t.Fatal(err)
	}
	cmd := insideNode(t, script, nodeDir(t), filepath.Join(filepath.Dir(hyperkube), "images"), first[0].address(),
		os.Getenv("SYMPHONY_TEST_K8S_IMAGE_FILE"))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	name := ""
	t.Cleanup(func() {
		in.Close() // which ends it
		if err := cmd.Wait(); err != nil {
			t.Errorf("the second node: %v; its logs are in %s", err, filepath.Join(nodeDir(t), "log"))
		}
		if name == "" {
			return
		}
		if _, err := c.do(http.MethodDelete, "/api/v1/nodes/"+name, nil, nil); err != nil {
			t.Error(err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil && err != io.EOF {
		t.Fatal(err)
	}
	if name = strings.TrimSpace(line); name == "" {
		t.Fatal("the second node did not start")
	}
	began := time.Now()
	eventually(t, func() (bool, string) {
		all, text := c.nodes(t), ""
		ready := 0
		for _, n := range all {
			if n.ready() {
				ready++
			}
			text += fmt.Sprintf(" %s ready=%t", n.Metadata.Name, n.ready())
		}
		return ready == 2, "want 2 nodes:" + text
	})
	t.Logf("the second node was ready after %s", time.Since(began))
	return []string{first[0].Metadata.Name, name}
}

// node is what we look at of one.
type node struct {
	Metadata metadata
	Status   struct {
		Addresses   []struct{ Type, Address string }
		Allocatable map[string]string
		Conditions  []struct{ Type, Status string }
	}
}

func (n node) ready() bool {
	for _, condition := range n.Status.Conditions {
		if condition.Type == "Ready" {
			return condition.Status == "True"
		}
	}
	return false
}

// address is where pods reach processes of the node's network; empty if it has none.
func (n node) address() string {
	for _, a := range n.Status.Addresses {
		if a.Type == "InternalIP" {
			return a.Address
		}
	}
	return ""
}

func (c *cluster) nodes(t testing.TB) []node {
	t.Helper()
	var list struct{ Items []node }
	c.must(t, http.MethodGet, "/api/v1/nodes", nil, &list)
	return list.Items
}
