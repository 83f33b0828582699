package bench

import (
	"time"

	"github.com/symphony-rtc/symphony/internal/bench/hist"
)

// Result is what a run measured. Its JSON form is what --json prints. Times are in milliseconds, memory in bytes.
type Result struct {
	URL   string `json:"url"`
	Mode  string `json:"mode"` // reference, crowd or idle
	Users int    `json:"users"`
	Rooms int    `json:"rooms"`
	// RoomPrefix begins the names of the run's rooms.
	RoomPrefix string `json:"room_prefix"`

	Connected int `json:"connected"` // users that became members of their rooms
	Symphony  int `json:"symphony"`  // of them, those that the server speaks symphony.v1 with

	Seconds    float64 `json:"seconds"`     // measured time
	Offered    float64 `json:"offered"`     // messages per second that the connected users were to send
	Achieved   float64 `json:"achieved"`    // messages per second that they sent
	Deliveries float64 `json:"deliveries"`  // per second, of both kinds
	EchoShare  float64 `json:"echo_share"`  // messages that came back to their sender, per message sent
	OpenedIn   float64 `json:"opened_in_s"` // seconds until all users were connected

	Document Delivery  `json:"document"`
	Presence Delivery  `json:"presence"`
	Durable  *Latency  `json:"durable,omitempty"` // from when an update was due until its sender was told that it is durable
	Undur    int       `json:"not_durable"`       // updates of symphony.v1 users that were never told to be durable
	Server   *Server   `json:"server,omitempty"`
	Self     Generator `json:"generator"`

	Disconnects map[string]int `json:"disconnects"` // by close code and reason; 1006 stands for none given
	Errors      map[string]int `json:"errors"`

	Interrupted bool     `json:"interrupted"`
	Doubts      []string `json:"doubts"` // why the figures are not to be trusted; empty if they are
}

// Latency is percentiles in milliseconds.
type Latency struct {
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p999_ms"`
	Max   float64 `json:"max_ms"`
	Count uint64  `json:"count"`
}

// Delivery is what became of the messages of one kind. Counts are of the whole run, Latency of the measured time.
type Delivery struct {
	Sent       uint64 `json:"sent"`
	Expected   uint64 `json:"expected"` // deliveries: for each message, the other members of the room when it was sent
	Delivered  uint64 `json:"delivered"`
	Lost       uint64 `json:"lost"`       // expected and not delivered
	Superseded uint64 `json:"superseded"` // presence only, if merging is accepted: a newer state came instead, so not lost
	Duplicates uint64 `json:"duplicates"`
	Latency
}

// Server is what the server process cost.
type Server struct {
	PID               int     `json:"pid"`
	Cores             float64 `json:"cores"` // CPU time per time, measured time only
	MicrosPerDelivery float64 `json:"us_per_delivery"`
	RSSBefore         int64   `json:"rss_before"`    // before the first connection
	RSSConnected      int64   `json:"rss_connected"` // when all users were connected
	RSSPeak           int64   `json:"rss_peak"`      // the highest seen
	PerConnection     float64 `json:"bytes_per_connection"`
}

// Generator is what the load generator itself cost, which tells whether it could keep up.
type Generator struct {
	Cores   float64 `json:"cores"`      // of the whole process
	Busiest float64 `json:"loop_cores"` // of its event loop's thread (the busiest one); 1 is all that a thread can have
	Others  float64 `json:"others"`     // cores that other processes of the machine used; known only with the server's pid
	Lag     Latency `json:"lag"`        // from when a message was due until it was handed to the kernel
	Round   Latency `json:"round"`      // one round of the event loop without waiting: how late arrivals may be noticed
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func latencyOf(h *hist.Histogram) Latency {
	return Latency{
		P50:   milliseconds(h.Quantile(0.5)),
		P90:   milliseconds(h.Quantile(0.9)),
		P99:   milliseconds(h.Quantile(0.99)),
		P999:  milliseconds(h.Quantile(0.999)),
		Max:   milliseconds(h.Max()),
		Count: h.Count(),
	}
}

// deliveryOf sums up a kind. What was passed over counts as superseded only where merging is accepted.
func deliveryOf(t *tally, merged bool) Delivery {
	d := Delivery{
		Sent: t.sent, Expected: t.expected, Delivered: t.delivered, Duplicates: t.duplicates,
		Lost: t.expected - t.delivered, Latency: latencyOf(&t.latency),
	}
	if merged {
		d.Superseded = min(t.skipped, d.Lost)
		d.Lost -= d.Superseded
	}
	return d
}

// Lost is the number of deliveries of both kinds that never came.
func (r *Result) Lost() uint64 { return r.Document.Lost + r.Presence.Lost }

// P99 is the worse of both kinds' 99th percentiles.
func (r *Result) P99() time.Duration {
	return time.Duration(max(r.Document.P99, r.Presence.P99) * float64(time.Millisecond))
}

// Total adds up a map of counts.
func Total(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

// Limits for believing a run.
const (
	busyLimit   = 0.9                   // cores of a loop's thread
	lagLimit    = 10 * time.Millisecond // 99th percentile
	othersLimit = 0.25                  // cores
)

// judge fills in Doubts.
func (r *Result) judge() {
	if r.Mode != modeIdle {
		r.judgeTimes()
	}
	if r.Connected < r.Users {
		r.doubt("only %d of %d users were connected", r.Connected, r.Users)
	}
	if r.Interrupted {
		r.doubt("the run was interrupted")
	}
}

// judgeTimes doubts times and CPU; memory can be measured on a busy machine, too.
func (r *Result) judgeTimes() {
	if r.Self.Busiest > busyLimit {
		r.doubt("the generator's event loop used %.0f %% of a core: it was the bottleneck", 100*r.Self.Busiest)
	}
	if r.Self.Lag.P99 > milliseconds(lagLimit) {
		r.doubt("the generator sent 1 %% of its messages more than %.0f ms late: it did not get enough CPU", r.Self.Lag.P99)
	}
	if r.Self.Round.P99 > milliseconds(lagLimit) {
		r.doubt("rounds of the generator's event loop took %.0f ms: arrivals were noticed late", r.Self.Round.P99)
	}
	if r.Self.Others > othersLimit {
		r.doubt("other processes used %.2f cores of this machine meanwhile", r.Self.Others)
	}
}
