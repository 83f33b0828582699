package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
)

// PoolLabel is the label of a pod that says whether the Deployment of free hosts has it. The Deployment selects PoolFree, so
// a pod that changes it to PoolTaken leaves the Deployment, and one that changes it back is adopted again.
const (
	PoolLabel = "symphony.dev/pool"
	PoolFree  = "free"
	PoolTaken = "taken"
)

// ErrGone is wrapped by errors of a Pod that does not exist any more. There is nothing to try again.
var ErrGone = errors.New("the pod does not exist any more")

// Pod is the pod that this process runs in. Safe for concurrent use.
type Pod struct {
	Namespace, Name, UID string

	// Pool is the value of PoolLabel when the container started: PoolFree, or PoolTaken if the pod had a room and its container
	// was started again since.
	Pool string

	api *api
	log *slog.Logger

	mu     sync.Mutex
	wanted string        // what PoolLabel was last wished to be
	turn   chan struct{} // has one element while a request about the label is on its way
}

// Self returns the pod that this process runs in, as the variables POD_NAME, POD_NAMESPACE, POD_UID and POD_POOL tell it
// (deploy/kubernetes sets them from the downward API). It makes no request.
func Self(log *slog.Logger) (*Pod, error) {
	p := &Pod{
		Name: os.Getenv("POD_NAME"), Namespace: os.Getenv("POD_NAMESPACE"), UID: os.Getenv("POD_UID"), Pool: os.Getenv("POD_POOL"),
		log: log, turn: make(chan struct{}, 1),
	}
	if p.Name == "" || p.Namespace == "" || p.UID == "" {
		return nil, errors.New("which pod is this? POD_NAME, POD_NAMESPACE and POD_UID have to be set from the downward API, " +
			"as in deploy/kubernetes")
	}
	var err error
	p.api, _, err = connect()
	return p, err
}

// Claimed takes the pod out of the Deployment of free hosts: Kubernetes starts another one in its place. Call it when the
// host has got its room, and let nobody wait for it. It tries again, with growing pauses, until it worked, ctx ends or the
// pod is gone (ErrGone).
func (p *Pod) Claimed(ctx context.Context) error { return p.label(ctx, PoolTaken) }

// Free gives the pod back to the Deployment, which adopts it and removes one pod that it has too many. Call it when the
// process starts in a pod whose Pool is PoolTaken: the room that it had is served elsewhere or will be opened anew, and a
// free host that no Deployment has would be there for ever. It tries as Claimed does.
func (p *Pod) Free(ctx context.Context) error { return p.label(ctx, PoolFree) }

// label makes the label what was wished last: a wish that is overtaken by another one is given up, also while it is tried
// again and again.
func (p *Pod) label(ctx context.Context, pool string) error {
	p.mu.Lock()
	p.wanted = pool
	p.mu.Unlock()
	// To change the UID is invalid (422), so the patch fails at another pod of the same name. 409 does not mean that, but that
	// others wrote at the same time.
	gone := []int{http.StatusNotFound, http.StatusUnprocessableEntity}
	err := p.persist(ctx, "label the pod "+pool, gone, func() error {
		select {
		case p.turn <- struct{}{}:
			defer func() { <-p.turn }()
		case <-ctx.Done():
			return ctx.Err()
		}
		p.mu.Lock()
		overtaken := p.wanted != pool
		p.mu.Unlock()
		if overtaken {
			return nil
		}
		return p.api.do(ctx, http.MethodPatch, p.path(), mergePatch, map[string]any{
			"metadata": map[string]any{"uid": p.UID, "labels": map[string]string{PoolLabel: pool}},
		})
	})
	if err != nil {
		return fmt.Errorf("label pod %s %s=%s: %w", p.Name, PoolLabel, pool, err)
	}
	return nil
}

// Delete deletes the pod: Kubernetes sends this process SIGTERM and removes the pod when the process has ended. Ending alone
// would not do, as the container would be started again. It tries as Claimed does; a pod that is gone is no error.
func (p *Pod) Delete(ctx context.Context) error {
	gone := []int{http.StatusNotFound, http.StatusConflict} // 409: the precondition does not hold
	err := p.persist(ctx, "delete the pod", gone, func() error {
		return p.api.do(ctx, http.MethodDelete, p.path(), jsonBody, map[string]any{
			"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": map[string]any{"uid": p.UID},
		})
	})
	if err != nil && !errors.Is(err, ErrGone) {
		return fmt.Errorf("delete pod %s: %w", p.Name, err)
	}
	return nil
}

func (p *Pod) path() []string {
	return []string{"api", "v1", "namespaces", p.Namespace, "pods", p.Name}
}
