//go:build linux

package cluster

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// proxyCounts are what proxies count of hosts that they had trouble with.
type proxyCounts struct {
	DialErrors, Broken, Forgotten, Switches, Unavailable int
}

var proxyCount = regexp.MustCompile(`(?m)^symphony_proxy_(dial_errors|broken|forgotten|switches|unavailable)_total ([0-9]+)`)

// proxyCounts asks all proxies. Those that do not answer count nothing.
func (w *world) proxyCounts() (sum proxyCounts) {
	fields := map[string]*int{"dial_errors": &sum.DialErrors, "broken": &sum.Broken, "forgotten": &sum.Forgotten, "switches": &sum.Switches,
		"unavailable": &sum.Unavailable}
	for _, p := range w.proxies {
		resp, err := glance.Get("http://" + p.Addr + "/metrics")
		if err != nil {
			continue
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			continue
		}
		for _, found := range proxyCount.FindAllSubmatch(body, -1) {
			n, _ := strconv.Atoi(string(found[2])) // it is a number
			*fields[string(found[1])] += n
		}
	}
	return sum
}

func (c proxyCounts) plus(d proxyCounts) proxyCounts {
	return proxyCounts{c.DialErrors + d.DialErrors, c.Broken + d.Broken, c.Forgotten + d.Forgotten, c.Switches + d.Switches,
		c.Unavailable + d.Unavailable}
}

// minus is what was counted since; nothing if the processes are others now.
func (c proxyCounts) minus(d proxyCounts) proxyCounts {
	since := func(now, before int) int { return max(0, now-before) }
	return proxyCounts{since(c.DialErrors, d.DialErrors), since(c.Broken, d.Broken), since(c.Forgotten, d.Forgotten),
		since(c.Switches, d.Switches), since(c.Unavailable, d.Unavailable)}
}

func (c proxyCounts) String() string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{
		{c.DialErrors, "connections to hosts failed"}, {c.Broken, "broke"}, {c.Forgotten, "claims were ended by proxies"},
		{c.Switches, "clients were carried over"}, {c.Unavailable, "found no host"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprint(p.n, " ", p.what))
		}
	}
	return strings.Join(parts, ", ")
}
