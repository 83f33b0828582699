package k8s

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/symphony-rtc/symphony/test/harness"
)

// space is a namespace of its own in which Symphony is installed.
type space struct {
	*cluster
	name string
	t    testing.TB
}

var spaces atomic.Int32

// newSpace makes an empty namespace. It is gone, with all that is in it, some time after the test.
func newSpace(t testing.TB) *space {
	t.Helper()
	s := &space{cluster: connect(t), name: fmt.Sprintf("symphony-test-%d-%d", os.Getpid(), spaces.Add(1)), t: t}
	// Kubernetes itself refuses pods here that ask for more than the strictest of its standards allows.
	s.must(t, http.MethodPost, "/api/v1/namespaces", map[string]any{"metadata": map[string]any{
		"name": s.name, "labels": map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}, nil)
	t.Cleanup(func() {
		if t.Failed() {
			for _, p := range s.pods("") {
				t.Log(p.describe())
			}
		}
		if os.Getenv("SYMPHONY_TEST_K8S_KEEP") == "" {
			_, _ = s.do(http.MethodDelete, "/api/v1/namespaces/"+s.name, nil, nil)
		}
	})
	return s
}

// changes of the shipped manifests for a test: what everybody has to adapt to where he is.
type changes struct {
	variant  string            // pool or packed
	settings map[string]string // of the ConfigMap
	patches  string            // further patches: YAML, a list of kustomize's
}

// install applies the shipped manifests with what is said to be different.
func (s *space) install(c changes) {
	s.t.Helper()
	image := os.Getenv("SYMPHONY_TEST_K8S_IMAGE")
	if image == "" {
		image = "symphony:dev"
	}
	repository, tag := image[:strings.LastIndex(image, ":")], image[strings.LastIndex(image, ":")+1:]
	dir := s.t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "deploy"), os.DirFS(filepath.Join(harness.Root(), "deploy", "kubernetes"))); err != nil {
		s.t.Fatal(err)
	}
	settings := ""
	for name, value := range c.settings {
		settings += fmt.Sprintf("        %s: %q\n", name, value)
	}
	if settings != "" {
		settings = "  - patch: |-\n      apiVersion: v1\n      kind: ConfigMap\n      metadata: {name: symphony}\n      data:\n" + settings
	}
	kustomization := fmt.Sprintf(`apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: %s
resources: [deploy/%s]
images:
  - {name: symphony, newName: %s, newTag: %q}
  - {name: registry.k8s.io/pause, newName: local/pause, newTag: "1"}
patches:
%s%s`, s.name, c.variant, repository, tag, settings, c.patches)
	if settings == "" && c.patches == "" {
		kustomization = strings.TrimSuffix(kustomization, "patches:\n")
	}
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(kustomization), 0o600); err != nil {
		s.t.Fatal(err)
	}
	kubectl(s.t, "", "apply", "--validate=strict", "-k", dir)
}

func (s *space) path(kind string) string {
	prefix := "/api/v1"
	switch strings.SplitN(kind, "/", 2)[0] {
	case "deployments", "replicasets":
		prefix = "/apis/apps/v1"
	}
	return prefix + "/namespaces/" + s.name + "/" + kind
}

// pods are those of a component (room, proxy, balloon), or all.
func (s *space) pods(component string) []pod {
	s.t.Helper()
	path := s.path("pods")
	if component != "" {
		path += "?labelSelector=app.kubernetes.io/component=" + component
	}
	var list struct{ Items []pod }
	s.must(s.t, http.MethodGet, path, nil, &list)
	return list.Items
}

// pod returns a pod as it is now; false if there is none.
func (s *space) pod(name string) (pod, bool) {
	s.t.Helper()
	var p pod
	status, err := s.do(http.MethodGet, s.path("pods/"+name), nil, &p)
	if status == http.StatusNotFound {
		return p, false
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return p, true
}

// account makes this process act as a pod's service account, with the token that the pod itself would get, and returns the
// file that KUBECONFIG has to name. An empty pod's name means a token that is bound to none.
func (s *space) account(name string, of pod) string {
	s.t.Helper()
	spec := map[string]any{"expirationSeconds": 3600}
	if of.Metadata.Name != "" {
		spec["boundObjectRef"] = map[string]any{"kind": "Pod", "apiVersion": "v1", "name": of.Metadata.Name, "uid": of.Metadata.UID}
	}
	var answer struct{ Status struct{ Token string } }
	s.must(s.t, http.MethodPost, s.path("serviceaccounts/"+name+"/token"), map[string]any{"spec": spec}, &answer)
	admin, err := os.ReadFile(administratorFile)
	if err != nil {
		s.t.Fatal(err)
	}
	file := filepath.Join(s.t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, admin, 0o600); err != nil {
		s.t.Fatal(err)
	}
	// The administrator's file has the address and the authority of the API server; the user and the context are new.
	kubectl(s.t, "", "--kubeconfig", file, "config", "set-credentials", "account", "--token", answer.Status.Token)
	where := strings.TrimSpace(kubectl(s.t, "", "--kubeconfig", file, "config", "view", "--minify", "-o", "jsonpath={.clusters[0].name}"))
	kubectl(s.t, "", "--kubeconfig", file, "config", "set-context", "account", "--cluster", where, "--user", "account", "--namespace", s.name)
	kubectl(s.t, "", "--kubeconfig", file, "config", "use-context", "account")
	return file
}
