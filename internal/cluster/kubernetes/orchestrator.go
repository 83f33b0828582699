package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

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
	return &Orchestrator{api: api, namespace: namespace, name: name, single: o.Capacity == 1}, nil
}

// Scale makes the Deployment have so many replicas, or, without Want.Fewer, at least so many. Want.Free is what counts for hosts of one room,
// because one that has its room has left the Deployment; Want.Total for all others.
//
// It remembers nothing: other proxies and people change the Deployment too, so whoever asks again for the same has a reason, and the pool
// does so when hosts are missing. That costs the API server a request and, if nothing has changed, writes nothing.
func (o *Orchestrator) Scale(ctx context.Context, want cluster.Want) error {
	replicas := want.Total
	if o.single {
		replicas = want.Free
	}
	if replicas < 0 {
		return fmt.Errorf("scale Deployment %s to %d: less than none", o.name, replicas)
	}
	var err error
	if want.Fewer {
		_, err = o.patch(ctx, scale{Spec: replicaSpec{Replicas: &replicas}})
	} else {
		err = o.raise(ctx, replicas)
	}
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
	return nil
}

// raise makes the Deployment have at least so many replicas. Proxies that need more at the same time would end each other's hosts by writing
// their own numbers, so it looks first, and writes only if nobody did in between.
func (o *Orchestrator) raise(ctx context.Context, replicas int) error {
	for {
		// A patch that changes nothing tells what there is. It needs no right to read.
		now, err := o.patch(ctx, scale{})
		if err != nil {
			return err
		}
		if now.replicas() >= replicas {
			return nil
		}
		next := scale{Spec: replicaSpec{Replicas: &replicas}}
		next.Metadata.ResourceVersion = now.Metadata.ResourceVersion
		if _, err = o.patch(ctx, next); refused(err) != http.StatusConflict {
			return err
		}
		// Its ReplicaSet changes the Deployment all the time, too, so a conflict is nothing special. ctx bounds the attempts.
	}
}

// scale is the part of a Deployment's Scale object (autoscaling/v1) that is of interest here.
type scale struct {
	Metadata struct {
		ResourceVersion string `json:"resourceVersion,omitempty"`
	} `json:"metadata,omitzero"`
	Spec replicaSpec `json:"spec,omitzero"`
}

type replicaSpec struct {
	Replicas *int `json:"replicas,omitempty"`
}

// replicas of an answer: the API server leaves 0 out.
func (s scale) replicas() int {
	if s.Spec.Replicas == nil {
		return 0
	}
	return *s.Spec.Replicas
}

// patch changes the Deployment's scale and returns what it is then. It needs no other right than to patch that subresource.
func (o *Orchestrator) patch(ctx context.Context, change scale) (now scale, err error) {
	err = o.api.ask(ctx, http.MethodPatch,
		[]string{"apis", "apps", "v1", "namespaces", o.namespace, "deployments", o.name, "scale"}, mergePatch, change, &now)
	return now, err
}
