package k8s

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

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
		away time.Duration // nodes are given up after 40 s
		take func() (giveBack func())
	}{
		{"API server frozen for 20 s", 20 * time.Second, func() func() { return findDaemon(t, "kube-apiserver").freeze() }},
		{"etcd of Kubernetes frozen for 20 s", 20 * time.Second, func() func() { return findDaemon(t, "etcd").freeze() }},
		// Not longer: the other parts of Kubernetes pause ever longer between attempts to connect, and after 20 s they need more than a minute.
		{"API server killed and started again after 5 s", 5 * time.Second, func() func() { return findDaemon(t, "kube-apiserver").kill() }},
	} {
		t.Run(x.name, func(t *testing.T) {
			w.settled(2, 3)
			victim := w.taken()[0]
			old, took, _, err := openRoom(w.front, "old-"+short(x.name)) // is left while nobody can be asked to delete its pod
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("opened in %s before", took)
			w.settled(3, 3)
			g.durableAgain(g.rooms...)
			free, pid := len(w.waitReady("room", 3)), process(t, victim)

			giveBack := x.take()
			defer giveBack()
			began := time.Now()
			silence := g.listen()
			old.leave()
			// A room whose process crashes goes to a pod that waits, and the kubelet needs nobody to start the container again.
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			measured(x.name+": after SIGKILL of a room's process, what is written is durable", g.durableAgain(g.rooms...))
			// Rooms open at once as long as pods wait; the last one has to wait for a pod.
			var openers []*opener
			var times []time.Duration
			var late chan opening
			for i := 0; late == nil && i < 20; i++ {
				opened := make(chan opening, 1)
				go func() {
					var o opening
					o.opener, o.took, o.refused, o.err = openRoom(w.front, fmt.Sprintf("%s-%d", short(x.name), i))
					opened <- o
				}()
				select {
				case o := <-opened:
					if o.err != nil || len(o.refused) > 0 {
						t.Fatalf("a room was refused: %v %v", o.refused, o.err)
					}
					openers, times = append(openers, o.opener), append(times, o.took)
				case <-time.After(8 * time.Second): // far more than it takes where a pod waits
					late = opened
				}
			}
			if free--; len(openers) < free { // the room of the process that was killed has one
				t.Errorf("only %d rooms opened although %d pods were waiting", len(openers), free)
			}
			measured(x.name+": open a new room, pods waiting", times[:min(free, len(times))]...)
			g.durableAgain(g.rooms...)
			time.Sleep(time.Until(began.Add(x.away))) // not to wait for anything: this is how long it is away
			measured("longest time that a client waited for an acknowledgement meanwhile", silence())
			giveBack()
			back := time.Now()
			if late != nil {
				o := <-late
				if o.err != nil {
					t.Fatal(o.err)
				}
				openers = append(openers, o.opener)
				measured(x.name+", after that: a room that waited for a pod is open", time.Since(back))
				t.Logf("who waited had it after %s, was refused before: %v", o.took, o.refused)
			}
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

// opening is what became of an openRoom.
type opening struct {
	opener  *opener
	took    time.Duration
	refused []error
	err     error
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
