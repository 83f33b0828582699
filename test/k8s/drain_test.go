package k8s

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/test/harness"
)

// TestDrain empties nodes with kubectl while people write: first of rooms, which nobody may notice, then of everything, which ends the connections
// of proxies and no more, and last with no other node to go to.
func TestDrain(t *testing.T) {
	need(t, "node")
	if testing.Short() {
		t.Skip("takes minutes")
	}
	nodes := secondNode(t)
	for _, v := range []struct {
		name, variant, patches string
		settings               map[string]string
		free, rooms            int
	}{
		{"one room in a pod", "pool", "", map[string]string{"SYMPHONY_CLUSTER_FREE": "3"}, 3, 4},
		{"many rooms in a pod", "packed", smallRooms, nil, 2, 10},
	} {
		t.Run(v.name, func(t *testing.T) {
			settings := quick()
			for name, value := range v.settings {
				settings[name] = value
			}
			w := newWorld(t, changes{variant: v.variant, settings: settings, patches: v.patches}, v.free)
			t.Cleanup(func() { // before the pods of the world are waited for
				for _, node := range nodes {
					w.uncordon(node)
				}
			})
			g := w.join(t, v.rooms)
			if v.variant == "pool" {
				w.awaitTaken(v.rooms)
			}
			g.durableAgain(g.rooms...)
			d := &drains{w: w, g: g, what: v.name}
			t.Run("of rooms", func(t *testing.T) {
				for _, node := range nodes {
					d.ofRooms(t, node)
				}
				counted(v.name+", both nodes drained of rooms: acknowledged updates lost", g.verify())
			})
			g.writeOn(1000)
			t.Run("of everything", func(t *testing.T) {
				for _, node := range nodes {
					d.ofEverything(t, node)
				}
				counted(v.name+", both nodes drained of everything: acknowledged updates lost", g.verify())
			})
			g.writeOn(2000)
			t.Run("with nowhere to go", func(t *testing.T) {
				d.nowhereToGo(t, nodes)
				counted(v.name+", drained with nowhere to go: acknowledged updates lost", g.verify())
			})
			g.leave()
		})
	}
}

// drains are of the nodes of one world.
type drains struct {
	w    *world
	g    *people
	what string
}

// ofRooms drains a node of the pods of rooms, as if proxies were elsewhere: nobody may notice.
func (d *drains) ofRooms(t *testing.T, node string) {
	t.Helper()
	there := len(d.w.on(node, "room"))
	before, silence, knock := d.g.closes(), d.g.listen(), d.w.knock(url.PathEscape(d.g.rooms[0]))
	took, err := d.w.drain(node, "--pod-selector=app.kubernetes.io/component=room")
	if err != nil {
		t.Fatal(err)
	}
	d.g.durableAgain(d.g.rooms...)
	longest := silence()
	times, failures := knock()
	if left := d.w.on(node, "room"); len(left) > 0 {
		t.Errorf("%s has pods of rooms after it was drained: %q", node, left)
	}
	t.Logf("%s had %d pods of rooms, is empty after %s; nobody waited for an acknowledgement for longer than %s; %d knocked",
		node, there, took, longest, times)
	if n := d.g.closes() - before; n > 0 {
		t.Errorf("%d connections of clients ended:%s", n, d.g.told())
	}
	if len(failures) > 0 {
		t.Errorf("%d of %d who came meanwhile were not let in: %s", len(failures), times, strings.Join(failures, "\n"))
	}
	measured(d.what+": a node is drained of rooms", took)
	measured("longest time that a client waited for an acknowledgement in it", longest)
	counted("connections of clients that it ended", d.g.closes()-before)
	d.w.uncordon(node)
}

// ofEverything drains a node of all that runs there. The clients of its proxies have to connect again, new ones find a proxy at any time.
func (d *drains) ofEverything(t *testing.T, node string) {
	t.Helper()
	there := d.w.on(node, "")
	before, silence, knock := d.g.closes(), d.g.listen(), d.w.knock(url.PathEscape(d.g.rooms[0]))
	took, err := d.w.drain(node)
	if err != nil {
		t.Fatal(err)
	}
	d.g.durableAgain(d.g.rooms...)
	longest := silence()
	times, failures := knock()
	if left := d.w.on(node, ""); len(left) > 0 {
		t.Errorf("%s has pods after it was drained: %q", node, left)
	}
	t.Logf("%s had %q, is empty after %s; nobody waited for an acknowledgement for longer than %s; %d connections ended; %d knocked, not let in: %q",
		node, there, took, longest, d.g.closes()-before, times, failures)
	for _, f := range failures {
		// Who was let in by a proxy that ended while he waited is told to come again.
		if !strings.Contains(f, "4501") {
			t.Errorf("somebody found no proxy: %s", f)
		}
	}
	measured(d.what+": a node is drained of everything", took)
	measured("longest time that a client waited for an acknowledgement in that, proxies among what moves", longest)
	counted("connections of clients that it ended (they connected again)", d.g.closes()-before)
	counted("connections tried meanwhile", times)
	counted("of those, refused", len(failures))
	d.w.uncordon(node)
}

// nowhereToGo drains the node with the proxies when no other one takes pods. The last proxy stays, by its budget, so the drain does not come to an
// end, and when there are nodes again all of it comes back by itself.
func (d *drains) nowhereToGo(t *testing.T, nodes []string) {
	t.Helper()
	d.w.waitReady("proxy", 2)
	before, silence := d.g.closes(), d.g.listen()
	for _, node := range nodes {
		kubectl(t, "", "cordon", node)
	}
	var told string
	for _, node := range nodes { // one of them has a proxy that stays
		if _, err := d.w.drain(node, "--timeout=12s"); err != nil {
			told += err.Error()
		}
	}
	if !strings.Contains(told, "disruption budget") {
		t.Errorf("the drains were not refused: %q", told)
	}
	proxies := 0
	for _, p := range d.w.pods("proxy") {
		if p.ready() && !p.ending() {
			proxies++
		}
	}
	if proxies != 1 {
		t.Errorf("%d proxies are left, want the one that the budget keeps", proxies)
	}
	for _, node := range nodes {
		d.w.uncordon(node)
	}
	again := time.Now()
	d.g.durableAgain(d.g.rooms...)
	measured(d.what+", after a drain with nowhere to go: nodes take pods again until all that is written is durable", time.Since(again))
	measured("longest time that a client waited for an acknowledgement in that, 20 s without a node among it", silence())
	counted("connections of clients that it ended", d.g.closes()-before)
	d.w.waitReady("proxy", 2)
}

// drain is `kubectl drain` with the pods' own grace periods, and returns how long it took.
func (w *world) drain(node string, args ...string) (time.Duration, error) {
	began := time.Now()
	// --force is for pods without a controller, which those with a room are.
	args = append([]string{"drain", node, "--force", "--ignore-daemonsets", "--timeout=180s"}, args...)
	cmd := exec.Command("kubectl", args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+administratorFile)
	output, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, output)
	}
	return time.Since(began), nil
}

func (w *world) uncordon(node string) {
	w.t.Helper()
	kubectl(w.t, "", "uncordon", node)
}

// on are the names of the pods of a component, or of all, that are on a node.
func (w *world) on(node, component string) (names []string) {
	w.t.Helper()
	for _, p := range w.pods(component) {
		if p.Spec.NodeName == node {
			names = append(names, p.Metadata.Name)
		}
	}
	return names
}

// writeOn has everybody write again after verify. seed makes what is written differ from before.
func (g *people) writeOn(seed int) {
	g.t.Helper()
	for i, room := range g.rooms {
		for j, c := range g.clients[room] {
			c.Do("write", harness.Command{"seed": seed + 10*i + j, "pause": 200}, nil)
		}
	}
}
