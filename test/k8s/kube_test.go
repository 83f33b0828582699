package k8s

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// patience is how long anything may take that is expected to happen: far more than it needs on a slow machine.
const patience = 90 * time.Second

// need skips a test that needs more than there is: "api" for an API server with its controllers, "node" for a node that runs
// pods, too, in whose network this process is.
func need(t *testing.T, what string) {
	t.Helper()
	switch level := os.Getenv("SYMPHONY_TEST_K8S"); {
	case level == "node", level == "api" && what == "api":
	default:
		t.Skip("`make test-k8s` runs this")
	}
}

// cluster speaks to the API server.
type cluster struct {
	client *http.Client
	host   string
}

// open reads a file as KUBECONFIG names one.
func open(kubeconfig string) (*cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	return &cluster{client: client, host: strings.TrimSuffix(config.Host, "/")}, nil
}

// administrator is who KUBECONFIG says when the tests begin; later they change the variable to act as others.
var (
	administratorFile = os.Getenv("KUBECONFIG")
	administrator     = sync.OnceValues(func() (*cluster, error) { return open(administratorFile) })
)

func connect(t testing.TB) *cluster {
	t.Helper()
	c, err := administrator()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// do makes a request and returns the status. A body is sent as JSON, with PATCH as a merge patch; a success is decoded into
// answer.
func (c *cluster) do(method, path string, body, answer any) (int, error) {
	var content io.Reader
	kind := "application/json"
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return 0, err
		}
		content = bytes.NewReader(encoded)
	}
	if method == http.MethodPatch {
		kind = "application/merge-patch+json"
	}
	request, err := http.NewRequest(method, c.host+path, content)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", kind)
	response, err := c.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	if response.StatusCode/100 != 2 {
		return response.StatusCode, fmt.Errorf("%s %s: %s: %s", method, path, response.Status, text)
	}
	if answer != nil {
		err = json.Unmarshal(text, answer)
	}
	return response.StatusCode, err
}

func (c *cluster) must(t testing.TB, method, path string, body, answer any) {
	t.Helper()
	if _, err := c.do(method, path, body, answer); err != nil {
		t.Fatal(err)
	}
}

// kubectl runs kubectl, with text on its standard input, and returns what it printed.
func kubectl(t testing.TB, input string, args ...string) string {
	t.Helper()
	cmd := exec.Command("kubectl", args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+administratorFile)
	cmd.Stdin = strings.NewReader(input)
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return string(output)
}

// eventually waits until something holds. what says what, and the state that it is in.
func eventually(t testing.TB, holds func() (bool, string)) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		ok, what := holds()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %s: %s", patience, what)
		}
		time.Sleep(25 * time.Millisecond)
	}
}

// metadata is what we look at of an object's.
type metadata struct {
	Name, Namespace, UID string
	Labels               map[string]string
	Annotations          map[string]string
	DeletionTimestamp    string
	ResourceVersion      string
	OwnerReferences      []struct{ Kind, Name string }
}

// pod is what we look at of one.
type pod struct {
	Metadata metadata
	Spec     struct {
		NodeName   string
		Containers []struct{ Image string }
	}
	Status struct {
		Phase, PodIP      string
		Conditions        []struct{ Type, Status, LastTransitionTime string }
		ContainerStatuses []struct {
			Ready        bool
			RestartCount int
			ContainerID  string
		}
	}
}

func (p pod) pool() string { return p.Metadata.Labels["symphony.dev/pool"] }
func (p pod) owned() bool  { return len(p.Metadata.OwnerReferences) > 0 }
func (p pod) ending() bool { return p.Metadata.DeletionTimestamp != "" }
func (p pod) restarts() (n int) {
	for _, c := range p.Status.ContainerStatuses {
		n += c.RestartCount
	}
	return n
}

func (p pod) describe() string {
	return fmt.Sprintf("%s %s pool=%s owned=%t ending=%t ready=%t restarts=%d ip=%s", p.Metadata.Name, p.Status.Phase, p.pool(),
		p.owned(), p.ending(), p.ready(), p.restarts(), p.Status.PodIP)
}

func (p pod) ready() bool {
	for _, condition := range p.Status.Conditions {
		if condition.Type == "Ready" {
			return condition.Status == "True"
		}
	}
	return false
}
