package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// believe is how long the Deployment is taken to be as it was last asked for. Other proxies and people change it too, so
// after that the same wish is sent again, which costs the API server little if nothing has changed.
const believe = 15 * time.Second

// Options of an Orchestrator.
type Options struct {
	Deployment string // whose pods are the hosts: namespace/name, or a name in the namespace of this pod or of KUBECONFIG
	Capacity   int    // rooms of one host. With 1 the Deployment has the free hosts only, see Pod.Claimed
}

// Orchestrator sets the size of a Deployment of hosts. Safe for concurrent use.
type Orchestrator struct {
	api             *api
	namespace, name string // of the Deployment
	single          bool   // hosts of one room
	now             func() time.Time

	mu    sync.Mutex
	last  int       // replicas that were last asked for
	until time.Time // up to when that is believed
}

var _ cluster.Orchestrator = (*Orchestrator)(nil)

// NewOrchestrator returns an Orchestrator of the cluster that this process runs in, or of KUBECONFIG's. It makes no request,
// so it fails only if there is no such configuration.
func NewOrchestrator(o Options) (*Orchestrator, error) {
	if o.Deployment == "" {
		return nil, errors.New("the name of the Deployment with the hosts is not set")
	}
	if o.Capacity < 1 {
		return nil, fmt.Errorf("hosts have a capacity of at least 1 room, not %d", o.Capacity)
	}
	api, namespace, err := connect()
	if err != nil {
		return nil, err
	}
	name := o.Deployment
	if before, after, both := strings.Cut(name, "/"); both {
		namespace, name = before, after
	}
	if namespace == "" || name == "" || strings.Contains(name, "/") {
		return nil, fmt.Errorf("%q names no Deployment: it should be namespace/name", o.Deployment)
	}
	return &Orchestrator{api: api, namespace: namespace, name: name, single: o.Capacity == 1, now: time.Now}, nil
}

// Scale makes the Deployment have so many replicas. Want.Free is what counts for hosts of one room, because one that has its
// room has left the Deployment; Want.Total for all others.
func (o *Orchestrator) Scale(ctx context.Context, want cluster.Want) error {
	replicas := want.Total
	if o.single {
		replicas = want.Free
	}
	if replicas < 0 {
		return fmt.Errorf("scale Deployment %s to %d: less than none", o.name, replicas)
	}
	if o.believes(replicas) {
		return nil
	}
	// A patch of the subresource needs no other right than that, and none to read.
	err := o.api.do(ctx, http.MethodPatch,
		[]string{"apis", "apps", "v1", "namespaces", o.namespace, "deployments", o.name, "scale"},
		mergePatch, map[string]any{"spec": map[string]any{"replicas": replicas}})
	switch refused(err) {
	case http.StatusForbidden:
		return fmt.Errorf("scale Deployment %s to %d: %w; the proxy's role in deploy/kubernetes allows it",
			o.name, replicas, err)
	case http.StatusNotFound:
		return fmt.Errorf("scale Deployment %s to %d: %w; is cluster.deployment its name?", o.name, replicas, err)
	}
	if err != nil {
		return fmt.Errorf("scale Deployment %s to %d: %w", o.name, replicas, err)
	}
	o.mu.Lock()
	o.last, o.until = replicas, o.now().Add(believe)
	o.mu.Unlock()
	return nil
}

// believes reports whether the Deployment should have so many replicas already.
func (o *Orchestrator) believes(replicas int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return replicas == o.last && o.now().Before(o.until)
}
