package k8s

import (
	"fmt"
	"net/http"
	"os"
	"syscall"
	"testing"
)

// TestImage runs the image as strictly as a pod can be run: nobody's user, nothing to write to but one directory, no privileges.
func TestImage(t *testing.T) {
	need(t, "node")
	s := newSpace(t)
	kubectl(t, fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: image}
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 30
  securityContext: {runAsNonRoot: true, fsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: symphony
      image: %s
      args: [serve, --addr, ":8080", --data, /data/rooms]
      readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}
      livenessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1, failureThreshold: 3}
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
      volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, emptyDir: {}}]
`, os.Getenv("SYMPHONY_TEST_K8S_IMAGE")), "--namespace", s.name, "apply", "-f", "-")
	ready := func(restarts int) pod {
		var p pod
		eventually(t, func() (bool, string) {
			p, _ = s.pod("image")
			return p.ready() && p.restarts() == restarts, p.describe()
		})
		return p
	}
	p := ready(0)
	response, err := http.Get("http://" + p.Status.PodIP + ":8080/readyz")
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("/readyz: %v %v", response, err)
	}
	response.Body.Close()
	signal(t, p, syscall.SIGKILL)
	ready(1)
	if _, err := s.do(http.MethodDelete, s.path("pods/image"), nil, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() (bool, string) {
		p, there := s.pod("image")
		return !there, p.describe()
	})
}
