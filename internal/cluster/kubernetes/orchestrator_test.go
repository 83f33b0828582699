package kubernetes

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// deployment is an API server with one Deployment. What a real one makes of the same requests is tested in test/k8s (TestPool, TestPacked).
type deployment struct {
	replicas, version int
	asked             []string // bodies
	statuses          []int    // of the next answers, if not 200
	between           func()   // is called after each look, as if somebody else wrote then; may be nil
}

func (d *deployment) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	d.asked = append(d.asked, string(body))
	if want := "PATCH /apis/apps/v1/namespaces/space/deployments/rooms/scale " + mergePatch; r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type") != want {
		http.Error(w, "not what is expected", http.StatusBadRequest)
		return
	}
	refuse := func(status int) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"kind": "Status", "code": status, "message": "not today"})
	}
	if len(d.statuses) > 0 {
		status := d.statuses[0]
		d.statuses = d.statuses[1:]
		refuse(status)
		return
	}
	var change scale
	if err := json.Unmarshal(body, &change); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if v := change.Metadata.ResourceVersion; v != "" && v != fmt.Sprint(d.version) {
		refuse(http.StatusConflict)
		return
	}
	if n := change.Spec.Replicas; n != nil {
		d.replicas = *n
		d.version++
	}
	answer := map[string]any{}
	if d.replicas > 0 {
		answer["replicas"] = d.replicas
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"metadata": map[string]any{"resourceVersion": fmt.Sprint(d.version)}, "spec": answer})
	if change.Spec.Replicas == nil && d.between != nil {
		d.between()
	}
}

// orchestrate returns a proxy's part for a Deployment, whose requests come one after another.
func (d *deployment) orchestrate(t *testing.T, single bool) *Orchestrator {
	t.Helper()
	front := httptest.NewServer(d)
	t.Cleanup(front.Close)
	base, err := url.Parse(front.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &Orchestrator{api: &api{client: front.Client(), base: base}, namespace: "space", name: "rooms", single: single}
}

func TestScaleWritesWhatChanges(t *testing.T) {
	d := &deployment{version: 7}
	o := d.orchestrate(t, true)
	for i, x := range []struct {
		free  int
		fewer bool
		asked []string
	}{
		{0, true, []string{`{"spec":{"replicas":0}}`}},
		{3, false, []string{`{}`, `{"metadata":{"resourceVersion":"8"},"spec":{"replicas":3}}`}},
		{3, false, []string{`{}`}},
		{3, true, []string{`{"spec":{"replicas":3}}`}},
		{4, false, []string{`{}`, `{"metadata":{"resourceVersion":"10"},"spec":{"replicas":4}}`}},
		{1, true, []string{`{"spec":{"replicas":1}}`}},
	} {
		d.asked = nil
		if err := o.Scale(t.Context(), cluster.Want{Free: x.free, Total: 1000, Fewer: x.fewer}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(d.asked, x.asked) {
			t.Errorf("wish %d: asked %q, want %q", i, d.asked, x.asked)
		}
		if d.replicas != x.free {
			t.Errorf("wish %d: %d replicas, want %d", i, d.replicas, x.free)
		}
	}
}

// The pool repeats a wish when hosts are missing, because somebody else may have scaled the Deployment down since.
func TestScaleThatIsRepeatedIsDone(t *testing.T) {
	d := &deployment{}
	o := d.orchestrate(t, true)
	for range 2 {
		if err := o.Scale(t.Context(), cluster.Want{Free: 9}); err != nil {
			t.Fatal(err)
		}
		if d.replicas != 9 {
			t.Fatalf("%d replicas, asked %q", d.replicas, d.asked)
		}
		d.replicas = 2 // by another proxy, or by hand
	}
}

// A proxy that needs 5 must not end hosts of another one that has just asked for 9.
func TestMoreIsNeverLess(t *testing.T) {
	t.Run("asked for before", func(t *testing.T) {
		d := &deployment{replicas: 9}
		if err := d.orchestrate(t, true).Scale(t.Context(), cluster.Want{Free: 5}); err != nil {
			t.Fatal(err)
		}
		if d.replicas != 9 {
			t.Errorf("%d replicas, want 9", d.replicas)
		}
	})
	t.Run("asked for in between", func(t *testing.T) {
		d := &deployment{replicas: 3}
		times := 0
		d.between = func() {
			d.version++
			if times++; times == 2 {
				d.replicas = 9
			}
		}
		if err := d.orchestrate(t, true).Scale(t.Context(), cluster.Want{Free: 5}); err != nil {
			t.Fatal(err)
		}
		if d.replicas != 9 || len(d.asked) != 5 {
			t.Errorf("%d replicas after %q, want 9", d.replicas, d.asked)
		}
	})
}

func TestScaleOfLargeHostsCountsAll(t *testing.T) {
	d := &deployment{}
	if err := d.orchestrate(t, false).Scale(t.Context(), cluster.Want{Free: 2, Total: 7}); err != nil {
		t.Fatal(err)
	}
	if d.replicas != 7 {
		t.Errorf("%d replicas, asked %q", d.replicas, d.asked)
	}
}

func TestScaleThatFailedIsAskedAgain(t *testing.T) {
	d := &deployment{statuses: []int{403, 404}}
	o := d.orchestrate(t, true)
	for _, advice := range []string{"role in deploy/kubernetes", "cluster.deployment"} {
		err := o.Scale(t.Context(), cluster.Want{Free: 2})
		if err == nil || !strings.Contains(err.Error(), advice) || !strings.Contains(err.Error(), "not today") {
			t.Errorf("%v, want advice about %s", err, advice)
		}
	}
	if err := o.Scale(t.Context(), cluster.Want{Free: 2}); err != nil {
		t.Fatal(err)
	}
	if d.replicas != 2 {
		t.Errorf("%d replicas, asked %q", d.replicas, d.asked)
	}
}
