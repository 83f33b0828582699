package k8s

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster/kubernetes"
)

// TestOpening measures how long it takes to open a room: with pods that wait for it, and with none. It asserts nothing about time;
// the table says it.
func TestOpening(t *testing.T) {
	need(t, "node")
	rounds := 100
	if testing.Short() {
		rounds = 5
	}
	if text := os.Getenv("SYMPHONY_TEST_K8S_ROUNDS"); text != "" {
		rounds, _ = strconv.Atoi(text)
	}
	t.Run("warm", func(t *testing.T) {
		settings := quick()
		settings["SYMPHONY_CLUSTER_FREE"] = "4"
		settings["SYMPHONY_CLUSTER_FREE_MOST"] = "4"
		settings["SYMPHONY_LOG_LEVEL"] = "info"
		w := newWorld(t, changes{variant: "pool", settings: settings}, 4)
		var took, again []time.Duration
		for i := range rounds {
			w.waitReady("room", 4) // nothing starts meanwhile
			room := fmt.Sprint("warm-", i)
			o, d, refused, err := openRoom(w.front, room)
			if err != nil {
				t.Fatal(err)
			}
			if len(refused) > 0 {
				t.Errorf("%s was refused although pods were waiting: %v", room, refused)
			}
			took = append(took, d)
			t.Logf("%s: open after %s", room, d)
			second, d, _, err := openRoom(w.front, room)
			if err != nil {
				t.Fatal(err)
			}
			again = append(again, d)
			second.leave()
			o.leave()
		}
		measured("open a new room, pods waiting: connect to first sync", took...)
		measured("join a room that is open: connect to first sync", again...)
	})
	t.Run("cold", func(t *testing.T) {
		settings := quick()
		settings["SYMPHONY_CLUSTER_FREE"] = "1"
		settings["SYMPHONY_CLUSTER_FREE_MOST"] = "1"
		settings["SYMPHONY_LOG_LEVEL"] = "info"
		w := newWorld(t, changes{variant: "pool", settings: settings}, 1)
		var whole, kubelet, ours []time.Duration
		for i := 0; len(whole) < min(rounds, 20) && i < 3*rounds; i++ {
			w.settled(0, 1)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			running := make(chan time.Time, 100)
			go w.watchStarts(ctx, running)
			// All pods that wait get rooms, so that one more room has to wait for another pod.
			var all []*opener
			for j := range len(w.waitReady("room", 1)) {
				o, _, _, err := openRoom(w.front, fmt.Sprintf("last-%d-%d", i, j))
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, o)
			}
			warm := w.podWaits()
			for tries := 0; warm && tries < 20; tries++ { // pods take their label off some ms after their rooms are open
				time.Sleep(5 * time.Millisecond)
				warm = w.podWaits()
			}
			warm = warm || len(running) > 0
			began := time.Now()
			o, d, _, err := openRoom(w.front, fmt.Sprint("cold-", i))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, o)
			if !warm { // Kubernetes may say that a container runs when the room in it has been open for some time
				select {
				case started := <-running:
					whole, kubelet, ours = append(whole, d), append(kubelet, started.Sub(began)), append(ours, max(0, d-started.Sub(began)))
					t.Logf("cold-%d: open after %s, a container ran after %s", i, d, started.Sub(began))
				case <-ctx.Done():
					t.Fatalf("cold-%d is open, but no pod was started", i)
				}
			}
			cancel()
			for _, o := range all {
				o.leave()
			}
		}
		measured("open a new room, no pod waiting: connect to first sync", whole...)
		measured("until Kubernetes says that a container runs", kubelet...)
		measured("from then on, until first sync", ours...)
	})
}

// podWaits reports whether a pod waits for a room.
func (w *world) podWaits() bool {
	w.t.Helper()
	for _, p := range w.pods("room") {
		if p.pool() == "free" && p.ready() && !p.ending() {
			return true
		}
	}
	return false
}

// watchStarts tells when it hears that the container of another pod of a room runs, until ctx ends.
func (w *world) watchStarts(ctx context.Context, running chan<- time.Time) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet,
		w.host+w.path("pods")+"?watch=1&labelSelector=app.kubernetes.io/component=room,"+kubernetes.PoolLabel, nil)
	if err != nil {
		return
	}
	response, err := w.client.Do(request)
	if err != nil {
		return
	}
	defer response.Body.Close()
	starting := map[string]bool{}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event struct {
			Type   string
			Object struct {
				Metadata metadata
				Status   struct {
					ContainerStatuses []struct {
						State struct{ Running *struct{ StartedAt string } }
					}
				}
			}
		}
		if json.Unmarshal(lines.Bytes(), &event) != nil {
			return
		}
		uid := event.Object.Metadata.UID
		if event.Type == "ADDED" && len(event.Object.Status.ContainerStatuses) == 0 { // others were there before
			starting[uid] = true
		}
		for _, c := range event.Object.Status.ContainerStatuses {
			if starting[uid] && c.State.Running != nil {
				delete(starting, uid)
				running <- time.Now()
			}
		}
	}
}
