package k8s

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"testing"

	symphony "github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/kubernetes"
)

// orchestrator is what a proxy has, with a proxy's rights.
func (s *space) orchestrator(t *testing.T, capacity int) *kubernetes.Orchestrator {
	t.Helper()
	t.Setenv("KUBECONFIG", s.account("symphony-proxy", pod{}))
	o, err := kubernetes.NewOrchestrator(kubernetes.Options{Deployment: s.name + "/symphony-room", Capacity: capacity})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// self is what a process in a pod has, with the pod's rights.
func (s *space) self(t *testing.T, p pod) *kubernetes.Pod {
	t.Helper()
	t.Setenv("KUBECONFIG", s.account("symphony-room", p))
	t.Setenv("POD_NAME", p.Metadata.Name)
	t.Setenv("POD_NAMESPACE", s.name)
	t.Setenv("POD_UID", p.Metadata.UID)
	t.Setenv("POD_POOL", p.pool())
	self, err := kubernetes.Self(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return self
}

// waitForRooms waits until there are so many free and taken pods, none of them on its way out.
func (s *space) waitForRooms(t *testing.T, free, taken int) []pod {
	t.Helper()
	var pods []pod
	eventually(t, func() (bool, string) {
		pods = s.pods("room")
		text, f, k := "", 0, 0
		for _, p := range pods {
			text += "\n" + p.describe()
			switch {
			case p.ending():
			case p.pool() == kubernetes.PoolFree && p.owned():
				f++
			case p.pool() == kubernetes.PoolTaken && !p.owned():
				k++
			}
		}
		return f == free && k == taken && len(pods) == free+taken, fmt.Sprintf("want %d free and %d taken pods:%s", free, taken, text)
	})
	return pods
}

func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func TestPool(t *testing.T) {
	need(t, "api")
	s := newSpace(t)
	s.install(changes{variant: "pool"})
	o := s.orchestrator(t, 1)
	if err := o.Scale(patient(t), symphony.Want{Free: 3, Total: 50}); err != nil {
		t.Fatal(err)
	}
	pods := s.waitForRooms(t, 3, 0)

	t.Run("claimed", func(t *testing.T) {
		self := s.self(t, pods[0])
		if err := self.Claimed(patient(t)); err != nil {
			t.Fatal(err)
		}
		s.waitForRooms(t, 3, 1)
		if err := self.Claimed(patient(t)); err != nil { // as a restarted container may do
			t.Fatal(err)
		}
	})
	t.Run("deletes itself", func(t *testing.T) {
		self := s.self(t, pods[0])
		if err := self.Delete(patient(t)); err != nil {
			t.Fatal(err)
		}
		s.waitForRooms(t, 3, 0)
		if _, there := s.pod(pods[0].Metadata.Name); there {
			t.Error("another pod was deleted")
		}
		// Its token has died with it, so what it asks is not refused as gone but not answered at all.
		ctx, cancel := context.WithTimeout(t.Context(), 1)
		defer cancel()
		if err := self.Claimed(ctx); err == nil {
			t.Error("a pod that is gone was claimed")
		}
	})
	t.Run("freed", func(t *testing.T) {
		self := s.self(t, pods[1])
		if err := self.Claimed(patient(t)); err != nil {
			t.Fatal(err)
		}
		s.waitForRooms(t, 3, 1)
		if err := self.Free(patient(t)); err != nil {
			t.Fatal(err)
		}
		s.waitForRooms(t, 3, 0) // the Deployment adopted it, and removed one of four
	})
	t.Run("another of the same name", func(t *testing.T) {
		now := s.waitForRooms(t, 3, 0)[0]
		s.self(t, now)
		t.Setenv("POD_UID", "00000000-0000-0000-0000-000000000000")
		self, err := kubernetes.Self(slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := self.Claimed(patient(t)); !errors.Is(err, kubernetes.ErrGone) {
			t.Errorf("claimed: %v, want ErrGone", err)
		}
		if err := self.Delete(patient(t)); err != nil {
			t.Errorf("delete: %v", err)
		}
		if p, there := s.pod(now.Metadata.Name); !there || p.ending() || p.pool() != kubernetes.PoolFree {
			t.Errorf("the other pod was touched: %s", p.describe())
		}
	})
	t.Run("two proxies need more", func(t *testing.T) {
		for _, free := range []int{6, 4} {
			if err := s.orchestrator(t, 1).Scale(patient(t), symphony.Want{Free: free}); err != nil {
				t.Fatal(err)
			}
		}
		var deployment struct{ Spec struct{ Replicas int } }
		s.must(t, http.MethodGet, s.path("deployments/symphony-room"), nil, &deployment)
		if n := deployment.Spec.Replicas; n != 6 {
			t.Errorf("%d replicas after 6 and 4 were asked for", n)
		}
		s.waitForRooms(t, 6, 0)
	})
	t.Run("scaled down", func(t *testing.T) {
		o := s.orchestrator(t, 1)
		if err := o.Scale(patient(t), symphony.Want{Free: 1, Fewer: true}); err != nil {
			t.Fatal(err)
		}
		s.waitForRooms(t, 1, 0)
	})
}

func TestPacked(t *testing.T) {
	need(t, "api")
	s := newSpace(t)
	s.install(changes{variant: "packed"})
	o := s.orchestrator(t, 200)
	for _, total := range []int{4, 2} {
		if err := o.Scale(patient(t), symphony.Want{Free: 1, Total: total, Fewer: total == 2}); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() (bool, string) {
			n := len(s.pods("room"))
			return n == total, fmt.Sprintf("%d pods, want %d", n, total)
		})
	}
}
