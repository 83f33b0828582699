package app

import (
	"strconv"

	"github.com/symphony-rtc/symphony/internal/proxy"
	"github.com/symphony-rtc/symphony/internal/telemetry"
)

// countProxied reports what a proxy counts.
func countProxied(m *telemetry.Metrics, p *proxy.Proxy) {
	m.Gauge("symphony_connections", "Open connections.", func() float64 { return float64(p.Stats().Connections) })
	m.Gauge("symphony_proxy_waiting", "Connections that wait for a host.", func() float64 { return float64(p.Stats().Waiting) })
	m.Gauge("symphony_proxy_rooms", "Rooms that have connections through this proxy.", func() float64 { return float64(p.Stats().Rooms) })
	m.Gauge("symphony_proxy_links", "Connections to hosts, each for all clients of the host.", func() float64 { return float64(p.Stats().Links) })
	for name, counter := range map[string]struct {
		help string
		read func(proxy.Stats) uint64
	}{
		"symphony_connections_opened_total": {"Connections that became WebSockets.", func(s proxy.Stats) uint64 { return s.Opened }},
		"symphony_messages_received_total":  {"Messages from clients.", func(s proxy.Stats) uint64 { return s.MessagesUp }},
		"symphony_messages_sent_total":      {"Messages to clients.", func(s proxy.Stats) uint64 { return s.MessagesDown }},
		"symphony_received_bytes_total":     {"Bytes read from clients.", func(s proxy.Stats) uint64 { return s.BytesUp }},
		"symphony_sent_bytes_total":         {"Bytes of messages to clients.", func(s proxy.Stats) uint64 { return s.BytesDown }},
		"symphony_proxy_dials_total":        {"Connections to hosts that were tried.", func(s proxy.Stats) uint64 { return s.Dials }},
		"symphony_proxy_dial_errors_total":  {"Connections to hosts that failed.", func(s proxy.Stats) uint64 { return s.DialErrors }},
		"symphony_proxy_detours_total":      {"Times that a host sent a connection elsewhere.", func(s proxy.Stats) uint64 { return s.Detours }},
		"symphony_proxy_broken_total":       {"Clients whose connection to a host broke.", func(s proxy.Stats) uint64 { return s.Broken }},
		"symphony_proxy_cut_total":          {"Connections to hosts that were left because another host has the room.", func(s proxy.Stats) uint64 { return s.Cut }},
		"symphony_proxy_switches_total":     {"Times that a client was carried over.", func(s proxy.Stats) uint64 { return s.Switches }},
		"symphony_proxy_forgotten_total":    {"Claims that were ended because their host could not be reached.", func(s proxy.Stats) uint64 { return s.Forgotten }},
		"symphony_proxy_unavailable_total":  {"Connections that no host could be found for in time.", func(s proxy.Stats) uint64 { return s.Unavailable }},
	} {
		m.Counter(name, counter.help, func() float64 { return float64(counter.read(p.Stats())) })
	}
	m.Counters("symphony_connections_closed_total", "Connections that the server closed, by close code.", "code", func() map[string]float64 {
		byCode := map[string]float64{}
		for code, n := range p.Stats().Closed {
			byCode[strconv.Itoa(int(code))] = float64(n)
		}
		return byCode
	})
}
