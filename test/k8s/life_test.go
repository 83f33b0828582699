package k8s

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestLifeOfAPod follows pods of one room each: ready, claimed, replaced, killed, frozen, done.
func TestLifeOfAPod(t *testing.T) {
	need(t, "node")
	began := time.Now()
	w := newWorld(t, changes{variant: "pool", patches: fastProbes}, 2)
	measured("all pods ready after `kubectl apply`", time.Since(began))

	t.Run("claim and refill", func(t *testing.T) {
		before := names(w.waitReady("room", 2))
		o, took, refused, err := openRoom(w.front, "first")
		if err != nil {
			t.Fatal(err)
		}
		defer o.leave()
		t.Logf("opened in %s, refused before: %v", took, refused)
		opened := time.Now()
		var left pod
		eventually(t, func() (bool, string) {
			taken := w.taken()
			if len(taken) == 1 && !taken[0].owned() {
				left = taken[0]
				return true, ""
			}
			return false, fmt.Sprintf("%d pods have left the Deployment", len(taken))
		})
		measured("a pod with a room has left the Deployment", time.Since(opened))
		if !slices.Contains(before, left.Metadata.Name) {
			t.Errorf("%s got the room, which was not ready before: %q", left.Metadata.Name, before)
		}
		now := names(w.waitReady("room", 2))
		measured("another one is ready in its place", time.Since(opened))
		if slices.Contains(now, left.Metadata.Name) {
			t.Errorf("%s is free and taken", left.Metadata.Name)
		}
	})

	t.Run("deletes itself", func(t *testing.T) {
		o, _, _, err := openRoom(w.front, "second")
		if err != nil {
			t.Fatal(err)
		}
		w.awaitTaken(2) // the one of the first room may be here still
		o.leave()
		left := time.Now()
		eventually(t, func() (bool, string) {
			pods := w.pods("room")
			text := ""
			for _, p := range pods {
				text += "\n" + p.describe()
				if p.pool() == "taken" {
					return false, "a pod whose room is over is there:" + text
				}
			}
			return true, text
		})
		measured("the pod of a room that everybody left is gone (2 s of grace in it)", time.Since(left))
		w.waitReady("room", 2)
		for _, p := range w.pods("room") {
			if p.restarts() > 0 {
				t.Errorf("a process ended without its pod: %s", p.describe())
			}
		}
	})

	t.Run("crash", func(t *testing.T) {
		g := w.join(t, 2)
		defer g.leave()
		w.awaitTaken(2)
		g.durableAgain(g.rooms...)
		// All rooms' pods at once, so that their rooms have to open elsewhere or in the same pods again.
		victims := w.taken()
		for _, p := range victims {
			signal(t, p, syscall.SIGKILL)
		}
		measured("after SIGKILL of its process, what is written to a room is durable", g.durableAgain(g.rooms...))
		for _, p := range victims {
			eventually(t, func() (bool, string) {
				now, there := w.pod(p.Metadata.Name)
				// Restarted, or already given back and removed as one too many.
				return !there || now.ending() || (now.restarts() == 1 && now.ready()), now.describe()
			})
		}
		w.settled(2, 2)
		counted("acknowledged updates lost by crashes", g.verify())
	})

	t.Run("frozen", func(t *testing.T) {
		if testing.Short() {
			t.Skip("takes a minute")
		}
		g := w.join(t, 1)
		defer g.leave()
		w.awaitTaken(1)
		g.durableAgain(g.rooms...)
		victim := w.taken()[0]
		signal(t, victim, syscall.SIGSTOP)
		measured("after SIGSTOP of its process, what is written to a room is durable (3 s of lease in it)", g.durableAgain(g.rooms...))
		eventually(t, func() (bool, string) {
			now, there := w.pod(victim.Metadata.Name)
			return !there || now.ending() || now.restarts() > 0, "the kubelet has not noticed that a process does not answer: " + now.describe()
		})
		w.settled(1, 2)
		counted("acknowledged updates lost by a freeze", g.verify())
	})

	t.Run("not ready without its database", func(t *testing.T) {
		if testing.Short() {
			t.Skip("takes half a minute")
		}
		w.settled(0, 2)
		restarts := map[string]int{} // a pod whose process was killed above may be free again
		for _, p := range w.pods("room") {
			restarts[p.Metadata.Name] = p.restarts()
		}
		w.postgres.Pause()
		defer w.postgres.Resume()
		eventually(t, func() (bool, string) {
			text, ready := "", 0
			for _, p := range w.pods("room") {
				text += "\n" + p.describe()
				if p.ready() {
					ready++
				}
			}
			return ready == 0, "ready without a database:" + text
		})
		w.postgres.Resume()
		w.waitReady("room", 2)
		for _, p := range w.pods("room") {
			if p.restarts() > restarts[p.Metadata.Name] {
				t.Errorf("restarted because its database was away: %s", p.describe())
			}
		}
	})
}

// fastProbes make kubelets notice within seconds what would take half a minute as shipped.
const fastProbes = `  - target: {kind: Deployment, name: symphony-room}
    patch: |-
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: symphony-room}
      spec:
        template:
          spec:
            terminationGracePeriodSeconds: 10
            containers:
              - name: room
                readinessProbe: {periodSeconds: 1, timeoutSeconds: 1}
                livenessProbe: {periodSeconds: 2, timeoutSeconds: 2}
`

func names(pods []pod) (names []string) {
	for _, p := range pods {
		names = append(names, p.Metadata.Name)
	}
	return names
}

// awaitTaken waits until at least so many pods have left the Deployment.
func (w *world) awaitTaken(n int) {
	w.t.Helper()
	eventually(w.t, func() (bool, string) {
		taken := w.taken()
		return len(taken) >= n, fmt.Sprintf("%d pods are taken (%s), want %d", len(taken), strings.Join(names(taken), ", "), n)
	})
}

// settled waits until exactly so many pods have rooms and, beside them, only those are there that wait for rooms. How many
// that are depends on how fast rooms were opened.
func (w *world) settled(rooms, waiting int) {
	w.t.Helper()
	eventually(w.t, func() (bool, string) {
		text, taken, free, other := "", 0, 0, 0
		for _, p := range w.pods("room") {
			text += "\n" + p.describe()
			switch {
			case p.ending() || !p.ready():
				other++
			case p.pool() == "taken" && !p.owned():
				taken++
			case p.pool() == "free" && p.owned():
				free++
			default:
				other++
			}
		}
		return taken == rooms && free >= waiting && other == 0, fmt.Sprintf("want %d pods with rooms and at least %d free ones:%s", rooms, waiting, text)
	})
}
