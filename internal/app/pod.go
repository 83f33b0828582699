package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"

	"github.com/symphony-rtc/symphony/internal/cluster/kubernetes"
)

// pod is the Kubernetes pod of a host for one room, or nothing where there is none.
type pod struct {
	is   *kubernetes.Pod
	log  *slog.Logger
	ctx  context.Context // of what start began
	stop context.CancelFunc
	work sync.WaitGroup
}

// podOf returns the pod that the process runs in, if the downward API says that it runs in one.
func podOf(clustered bool, log *slog.Logger) (*pod, error) {
	p := &pod{log: log}
	p.ctx, p.stop = context.WithCancel(context.Background())
	if !clustered || os.Getenv("POD_NAME") == "" {
		return p, nil
	}
	var err error
	p.is, err = kubernetes.Self(log)
	return p, err
}

// start gives a pod back to the pool whose container was started again.
func (p *pod) start() {
	if p.is == nil || p.is.Pool != kubernetes.PoolTaken {
		return
	}
	p.work.Go(func() { p.complain(p.is.Free(p.ctx)) })
}

// claimed takes the pod out of the pool.
func (p *pod) claimed(ctx context.Context) {
	if p.is != nil {
		p.complain(p.is.Claimed(ctx))
	}
}

// finish ends what start began and, if the host is done, deletes the pod, whose process would be started again otherwise.
func (p *pod) finish(ctx context.Context, done bool) error {
	p.stop()
	p.work.Wait()
	if p.is == nil || !done {
		return nil
	}
	err := p.is.Delete(ctx)
	if errors.Is(err, kubernetes.ErrGone) {
		return nil
	}
	return err
}

func (p *pod) complain(err error) {
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, kubernetes.ErrGone) {
		p.log.Error("the pod could not change its place in the pool", "error", err)
	}
}
