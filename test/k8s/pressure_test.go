package k8s

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestBalloonsGiveWay fills the node up: the next pod of a room gets the place of a balloon.
func TestBalloonsGiveWay(t *testing.T) {
	need(t, "node")
	settings := quick()
	settings["SYMPHONY_CLUSTER_FREE"] = "1"
	settings["SYMPHONY_CLUSTER_FREE_MOST"] = "1"
	w := newWorld(t, changes{variant: "pool", settings: settings, patches: largePods}, 1)

	// As many balloons as the node has room for, and no place beside them.
	allocatable := w.nodes(t)[0].Status.Allocatable["cpu"]
	cpus, err := strconv.Atoi(allocatable)
	if err != nil {
		t.Skipf("a node with %s processors", allocatable)
	}
	balloons := (cpus*1000-2*100-300)/300 + 1 // one too many, which waits
	kubectl(t, "", "--namespace", w.name, "scale", "deployment/symphony-balloon", fmt.Sprint("--replicas=", balloons))
	w.waitReady("balloon", balloons-1)

	o, took, _, err := openRoom(w.front, "pressure")
	if err != nil {
		t.Fatal(err)
	}
	defer o.leave()
	opened := time.Now()
	w.awaitTaken(1)
	w.waitReady("room", 1)
	measured("on a full node, a pod in the place of a balloon is ready", time.Since(opened))
	if events := kubectl(t, "", "--namespace", w.name, "get", "events"); !strings.Contains(events, "Preempted") {
		t.Errorf("no balloon was preempted:\n%s", events)
	}
	for _, p := range w.taken() {
		if p.restarts() > 0 || !p.ready() {
			t.Errorf("the room's own pod suffered: %s", p.describe())
		}
	}
	t.Logf("opened in %s on a full node", took)
}

// largePods makes rooms and balloons ask for so much that a few of them fill a node.
const largePods = `  - target: {kind: Deployment, name: symphony-room}
    patch: |-
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: symphony-room}
      spec: {template: {spec: {containers: [{name: room, resources: {requests: {cpu: 300m}}}]}}}
  - target: {kind: Deployment, name: symphony-balloon}
    patch: |-
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: symphony-balloon}
      spec: {template: {spec: {containers: [{name: balloon, resources: {requests: {cpu: 300m}}}]}}}
`
