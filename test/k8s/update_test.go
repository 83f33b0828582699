package k8s

import (
	"testing"
	"time"
)

// TestRollingUpdate replaces all processes while people write: rooms move, and nobody is disconnected by that.
func TestRollingUpdate(t *testing.T) {
	need(t, "node")
	if testing.Short() {
		t.Skip("takes minutes")
	}
	t.Run("many rooms in a pod", func(t *testing.T) {
		settings := quick()
		settings["SYMPHONY_CLUSTER_FREE"] = "2"
		w := newWorld(t, changes{variant: "packed", settings: settings, patches: smallRooms}, 2)
		g := w.join(t, 10)
		g.durableAgain(g.rooms...)
		before := names(w.pods("room"))

		began := time.Now()
		kubectl(t, "", "--namespace", w.name, "rollout", "restart", "deployment/symphony-room")
		kubectl(t, "", "--namespace", w.name, "rollout", "status", "deployment/symphony-room", "--timeout=120s")
		w.awaitGone(before)
		measured("rolling update of 2 pods with 10 rooms", time.Since(began))
		measured("after it, what is written to a room is durable", g.durableAgain(g.rooms...))
		if n := g.closes(); n > 0 {
			t.Errorf("%d connections of clients ended:%s", n, g.told())
		}
		counted("connections of clients that a rolling update of room pods ended, of 30", g.closes())
		counted("acknowledged updates lost in it", g.verify())

		// Proxies hold the clients' connections, so clients connect again, and that is all.
		for _, room := range g.rooms {
			for i, c := range g.clients[room] {
				c.Do("write", map[string]any{"seed": 1000 + i, "pause": 200}, nil)
			}
		}
		proxies := names(w.pods("proxy"))
		kubectl(t, "", "--namespace", w.name, "rollout", "restart", "deployment/symphony-proxy")
		kubectl(t, "", "--namespace", w.name, "rollout", "status", "deployment/symphony-proxy", "--timeout=120s")
		w.awaitGone(proxies)
		g.durableAgain(g.rooms...)
		counted("connections of clients that a rolling update of proxies ended, of 30 (they connected again)", g.closes())
		counted("acknowledged updates lost in that", g.verify())
		g.leave()
	})
	t.Run("one room in a pod", func(t *testing.T) {
		w := newWorld(t, changes{variant: "pool"}, 2)
		g := w.join(t, 3)
		w.awaitTaken(3)
		g.durableAgain(g.rooms...)
		before := names(w.pods("room"))

		began := time.Now()
		kubectl(t, "", "--namespace", w.name, "rollout", "restart", "deployment/symphony-room")
		kubectl(t, "", "--namespace", w.name, "rollout", "status", "deployment/symphony-room", "--timeout=120s")
		// That was about the free ones. Those with rooms are nobody's: they are deleted one by one, as docs/kubernetes.md says.
		for _, p := range w.taken() {
			kubectl(t, "", "--namespace", w.name, "delete", "pod", p.Metadata.Name)
		}
		w.awaitGone(before)
		measured("rolling update of 3 pods with a room each, one after another", time.Since(began))
		g.durableAgain(g.rooms...)
		if n := g.closes(); n > 0 {
			t.Errorf("%d connections of clients ended:%s", n, g.told())
		}
		counted("connections of clients that it ended, of 9", g.closes())
		counted("acknowledged updates lost in that, too", g.verify())
		g.leave()
	})
}

// smallRooms lets several pods of many rooms fit a small node.
const smallRooms = `  - target: {kind: Deployment, name: symphony-room}
    patch: |-
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: symphony-room}
      spec:
        template:
          spec:
            containers:
              - name: room
                resources: {requests: {cpu: 50m, memory: 64Mi}}
`

// awaitGone waits until none of these pods is left.
func (w *world) awaitGone(pods []string) {
	w.t.Helper()
	for _, name := range pods {
		eventually(w.t, func() (bool, string) {
			p, there := w.pod(name)
			return !there, "still there: " + p.describe()
		})
	}
}
