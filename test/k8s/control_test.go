package k8s

import (
	"fmt"
	"testing"
	"time"
)

// away is for how long a part of Kubernetes does not answer. Nodes are given up after 40 s.
const away = 20 * time.Second

// TestControlPlaneAway takes away what Kubernetes is steered by, while rooms are open and others are opened. Rooms are found through a registry of
// our own, so nothing waits for it but pods that are not there yet.
func TestControlPlaneAway(t *testing.T) {
	need(t, "node")
	if testing.Short() {
		t.Skip("takes minutes")
	}
	settings := quick()
	settings["SYMPHONY_CLUSTER_FREE"] = "3"
	w := newWorld(t, changes{variant: "pool", settings: settings}, 3)
	g := w.join(t, 2)
	w.awaitTaken(2)
	for _, x := range []struct {
		name string
		take func() (giveBack func())
	}{
		{"API server frozen", func() func() { return findDaemon(t, "kube-apiserver").freeze() }},
		{"API server killed", func() func() { return findDaemon(t, "kube-apiserver").kill() }},
		{"etcd frozen", func() func() { return findDaemon(t, "etcd").freeze() }},
	} {
		t.Run(x.name, func(t *testing.T) {
			old, took, _, err := openRoom(w.front, "old-"+short(x.name)) // is left while nobody can be asked to delete its pod
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("opened in %s before", took)
			w.settled(3, 3)
			g.durableAgain(g.rooms...)
			free := len(w.waitReady("room", 3))

			giveBack := x.take()
			defer giveBack()
			began := time.Now()
			silence := g.listen()
			old.leave()
			var openers []*opener
			var times []time.Duration
			for i := range free {
				o, took, refused, err := openRoom(w.front, fmt.Sprintf("%s-%d", short(x.name), i))
				if err != nil {
					t.Fatal(err)
				}
				if len(refused) > 0 {
					t.Errorf("a room was refused although pods were waiting: %v", refused)
				}
				openers, times = append(openers, o), append(times, took)
			}
			measured(x.name+": open a new room, pods waiting", times...)
			if time.Since(began) > away {
				t.Errorf("to open %d rooms took %s", free, time.Since(began))
			}
			// One more than there are pods: it waits for one.
			opened := make(chan error, 1)
			var late *opener
			var refused []error
			go func() {
				var err error
				late, _, refused, err = openRoom(w.front, short(x.name)+"-late")
				opened <- err
			}()
			g.durableAgain(g.rooms...)
			time.Sleep(time.Until(began.Add(away))) // not to wait for anything: this is how long it is away
			measured("longest time that a client waited for an acknowledgement meanwhile", silence())
			giveBack()
			back := time.Now()
			if err := <-opened; err != nil {
				t.Fatal(err)
			}
			measured(x.name+", after that: a room that waited for a pod is open", time.Since(back))
			t.Logf("who waited was refused: %v", refused)
			openers = append(openers, late)
			eventually(t, func() (bool, string) {
				_, err := w.do("GET", "/readyz", nil, nil)
				return err == nil, fmt.Sprint("the API server is not back: ", err)
			})
			// Everything is as if nothing had been: pods with rooms have left the Deployment, others wait, and the pod of the room that was left is gone.
			w.settled(2+len(openers), 3)
			measured(x.name+", after that: all pods are labelled, refilled and deleted as they should be", time.Since(back))
			if n := g.closes(); n > 0 {
				t.Errorf("%d connections of clients ended:%s", n, g.told())
			}
			for _, o := range openers {
				o.leave()
			}
			w.settled(2, 3)
		})
	}
	counted("acknowledged updates lost in that", g.verify())
	g.leave()
}

// short is a name that can be part of a room's.
func short(name string) (s string) {
	for _, r := range name {
		if r != ' ' {
			s += string(r)
		}
	}
	return s
}
