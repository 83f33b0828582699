package app

import (
	"strconv"
	"sync/atomic"

	"github.com/symphony-rtc/symphony/internal/gateway"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/telemetry"
)

// countRooms reports what a host counts.
func countRooms(m *telemetry.Metrics, host *room.Host) {
	stats := host.Stats()
	read := func(n *atomic.Int64) func() float64 { return func() float64 { return float64(n.Load()) } }

	m.Gauge("symphony_rooms_open", "Rooms in memory.", func() float64 { return float64(len(host.Open())) })
	m.Gauge("symphony_journal_backlog_updates", "Updates that are relayed and not yet durable.", func() float64 {
		waiting := uint64(0)
		for _, info := range host.Open() {
			waiting += info.Updates - info.Durable
		}
		return float64(waiting)
	})
	m.Counter("symphony_updates_total", "Updates that changed a document.", read(&stats.Updates))
	m.Counter("symphony_update_bytes_total", "Bytes of updates that changed a document.", read(&stats.UpdateBytes))
	m.Counter("symphony_updates_duplicate_total", "Updates that changed nothing.", read(&stats.Duplicates))
	m.Counter("symphony_presence_updates_total", "Presence updates that were relayed.", read(&stats.PresenceUpdate))
	m.Counter("symphony_events_total", "Broadcast events that were relayed.", read(&stats.Events))
	m.Counter("symphony_deliveries_total", "Messages that were handed to members.", read(&stats.Relayed))

	const errors, help = "symphony_errors_total", "Things that went wrong, by kind."
	m.Counter(errors, help, read(&stats.Malformed), "kind", "malformed_message")
	m.Counter(errors, help, read(&stats.StoreErrors), "kind", "storage")
	m.Counter(errors, help, read(&stats.Fenced), "kind", "room_fenced")
	m.Counter(errors, help, read(&stats.Panics), "kind", "panic")
}

// countConnections reports what a gateway counts.
func countConnections(m *telemetry.Metrics, g *gateway.Gateway) {
	m.Gauge("symphony_connections", "Open connections.", func() float64 { return float64(g.Stats().Connections) })
	for name, counter := range map[string]struct {
		help string
		read func(gateway.Stats) uint64
	}{
		"symphony_connections_opened_total": {"Connections that became WebSockets.", func(s gateway.Stats) uint64 { return s.Opened }},
		"symphony_messages_received_total":  {"Messages from clients.", func(s gateway.Stats) uint64 { return s.MessagesIn }},
		"symphony_messages_sent_total":      {"Messages to clients.", func(s gateway.Stats) uint64 { return s.MessagesOut }},
		"symphony_received_bytes_total":     {"Bytes read from clients.", func(s gateway.Stats) uint64 { return s.BytesIn }},
		"symphony_sent_bytes_total":         {"Bytes of messages to clients.", func(s gateway.Stats) uint64 { return s.BytesOut }},
		"symphony_clients_throttled_total":  {"Times that a client's messages were made to wait.", func(s gateway.Stats) uint64 { return s.Throttled }},
	} {
		m.Counter(name, counter.help, func() float64 { return float64(counter.read(g.Stats())) })
	}
	m.Counters("symphony_connections_closed_total", "Connections that the server closed, by close code.", "code", func() map[string]float64 {
		byCode := map[string]float64{}
		for code, n := range g.Stats().Closed {
			byCode[strconv.Itoa(int(code))] = float64(n)
		}
		return byCode
	})
}
