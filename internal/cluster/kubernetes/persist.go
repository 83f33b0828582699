package kubernetes

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

// Pauses between attempts grow from the first to the last of these.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 15 * time.Second
)

// persist makes a request about the pod until it succeeds, ctx ends or it is refused with one of the statuses that mean that
// the pod is gone.
func (p *Pod) persist(ctx context.Context, what string, gone []int, request func() error) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := request()
		switch {
		case err == nil:
			return nil
		case slices.Contains(gone, refused(err)):
			return fmt.Errorf("%w: %w", ErrGone, err)
		case ctx.Err() != nil:
			return fmt.Errorf("%w; last: %w", context.Cause(ctx), err)
		}
		advice := ""
		if refused(err) == http.StatusForbidden {
			advice = "bind the role of the hosts in deploy/kubernetes to the service account of this pod"
		}
		p.log.Warn("cannot "+what+" yet", "pod", p.Name, "err", err, "advice", advice, "again_in", pause)
		// Pods that failed together, when the API server was away, do not come back together.
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w; last: %w", context.Cause(ctx), err)
		}
	}
}
