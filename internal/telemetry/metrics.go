package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics collects what a server reports to Prometheus. Parts of the server that count for themselves are read
// when Prometheus asks (Counter, Gauge, Counters); what takes time is reported as it happens (the methods that make
// Metrics an observer of rooms and of stores). It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	roomOpen      *prometheus.HistogramVec
	snapshot      *prometheus.HistogramVec
	snapshotBytes prometheus.Counter
	snapshotWrite *prometheus.HistogramVec
	commit        *prometheus.HistogramVec
	commitUpdates prometheus.Counter
	commitBytes   prometheus.Counter
}

// Buckets of seconds. A commit is one write to a disk that may or may not be fast; the others move whole documents.
var (
	commitBuckets   = []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10}
	documentBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
)

// NewMetrics returns metrics of a process whose version is given.
func NewMetrics(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.histogram(&m.roomOpen, "symphony_room_open_duration_seconds", "Time to load a room from the store.", documentBuckets)
	m.histogram(&m.snapshot, "symphony_snapshot_duration_seconds", "Time to encode and store a snapshot of a room.", documentBuckets)
	m.histogram(&m.snapshotWrite, "symphony_store_snapshot_duration_seconds", "Time to store an encoded snapshot.", documentBuckets)
	m.histogram(&m.commit, "symphony_journal_commit_duration_seconds", "Time of a group commit of the journal.", commitBuckets)
	m.counter(&m.snapshotBytes, "symphony_snapshot_bytes_total", "Bytes of snapshots that were stored.")
	m.counter(&m.commitUpdates, "symphony_journal_updates_total", "Updates that became durable in the journal.")
	m.counter(&m.commitBytes, "symphony_journal_bytes_total", "Bytes of updates that became durable in the journal.")
	m.Gauge("symphony_build_info", "Always 1; the version is a label.", func() float64 { return 1 }, "version", version)
	return m
}

func (m *Metrics) histogram(field **prometheus.HistogramVec, name, help string, buckets []float64) {
	*field = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"result"})
	(*field).WithLabelValues(resultOK) // from the start, so that a rate can be computed from the first event on
	(*field).WithLabelValues(resultError)
	m.registry.MustRegister(*field)
}

func (m *Metrics) counter(field *prometheus.Counter, name, help string) {
	*field = prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	m.registry.MustRegister(*field)
}

// Counter adds a number that only rises, read from value. labels are names and values in turn.
func (m *Metrics) Counter(name, help string, value func() float64, labels ...string) {
	m.registry.MustRegister(prometheus.NewCounterFunc(
		prometheus.CounterOpts{Name: name, Help: help, ConstLabels: pairs(labels)}, value))
}

// Gauge adds a number that rises and falls, read from value. labels are names and values in turn.
func (m *Metrics) Gauge(name, help string, value func() float64, labels ...string) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: pairs(labels)}, value))
}

// Counters adds numbers that only rise, told apart by one label whose values come with the numbers.
func (m *Metrics) Counters(name, help, label string, values func() map[string]float64) {
	m.registry.MustRegister(labelled{prometheus.NewDesc(name, help, []string{label}, nil), values})
}

func pairs(labels []string) prometheus.Labels {
	set := prometheus.Labels{}
	for i := 0; i+1 < len(labels); i += 2 {
		set[labels[i]] = labels[i+1]
	}
	return set
}

// labelled is a collector of counters whose label values are known only when they are read.
type labelled struct {
	desc   *prometheus.Desc
	values func() map[string]float64
}

func (l labelled) Describe(out chan<- *prometheus.Desc) { out <- l.desc }

func (l labelled) Collect(out chan<- prometheus.Metric) {
	for value, n := range l.values() {
		out <- prometheus.MustNewConstMetric(l.desc, prometheus.CounterValue, n, value)
	}
}

// Handler answers Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

const (
	resultOK    = "ok"
	resultError = "error"
)

func result(err error) string {
	if err != nil {
		return resultError
	}
	return resultOK
}

// RoomOpened counts the opening of a room (room.Observer).
func (m *Metrics) RoomOpened(took time.Duration, err error) {
	m.roomOpen.WithLabelValues(result(err)).Observe(took.Seconds())
}

// SnapshotStored counts a snapshot, from encoding it to its being stored (room.Observer).
func (m *Metrics) SnapshotStored(took time.Duration, bytes int, err error) {
	m.snapshot.WithLabelValues(result(err)).Observe(took.Seconds())
	if err == nil {
		m.snapshotBytes.Add(float64(bytes))
	}
}

// SnapshotSaved counts the storing of an encoded snapshot (store.Observer).
func (m *Metrics) SnapshotSaved(took time.Duration, _ int, err error) {
	m.snapshotWrite.WithLabelValues(result(err)).Observe(took.Seconds())
}

// JournalCommit counts a group commit (store.Observer).
func (m *Metrics) JournalCommit(took time.Duration, updates, bytes int, err error) {
	m.commit.WithLabelValues(result(err)).Observe(took.Seconds())
	if err == nil {
		m.commitUpdates.Add(float64(updates))
		m.commitBytes.Add(float64(bytes))
	}
}
