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
		settings["SYMPHONY_CLUSTER_FREE"] = "0"
		settings["SYMPHONY_CLUSTER_FREE_MOST"] = "1"
		settings["SYMPHONY_LOG_LEVEL"] = "info"
		w := newWorld(t, changes{variant: "pool", settings: settings}, 0)
		var whole, kubelet, ours []time.Duration
		for i := range min(rounds, 20) {
			eventually(t, func() (bool, string) {
				n := len(w.pods("room"))
				return n == 0, fmt.Sprint(n, " pods are left of the last round")
			})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			watched := make(chan time.Duration, 1)
			go func() { watched <- w.firstPod(ctx) }()
			o, d, _, err := openRoom(w.front, fmt.Sprint("cold-", i))
			if err != nil {
				t.Fatal(err)
			}
			o.leave()
			took := <-watched
			cancel()
			if took == 0 {
				t.Fatal("no pod was seen that started")
			}
			whole, kubelet, ours = append(whole, d), append(kubelet, took), append(ours, d-took)
		}
		measured("open a new room, no pod waiting: connect to first sync", whole...)
		measured("of that, Kubernetes: from the pod's object to its running container", kubelet...)
		measured("the rest", ours...)
	})
}

// firstPod watches until the next pod of a room runs, and returns the time from its appearance to that.
func (w *world) firstPod(ctx context.Context) time.Duration {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet,
		w.host+w.path("pods")+"?watch=1&labelSelector=app.kubernetes.io/component=room,"+kubernetes.PoolLabel, nil)
	if err != nil {
		return 0
	}
	response, err := w.client.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	appeared := map[string]time.Time{}
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
			return 0
		}
		uid := event.Object.Metadata.UID
		if event.Type == "ADDED" {
			appeared[uid] = time.Now()
		}
		for _, c := range event.Object.Status.ContainerStatuses {
			if since, known := appeared[uid]; known && c.State.Running != nil {
				return time.Since(since)
			}
		}
	}
	return 0
}
