package harness

import (
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// Counts adds up what servers count of things that went wrong (symphony_errors_total), beyond the ends of their processes.
type Counts struct {
	Total   map[string]int // by kind of error
	Backlog int            // most bytes that waited for a server's journal whenever somebody looked

	last map[*Server]map[string]int
}

var (
	errorCount   = regexp.MustCompile(`(?m)^symphony_errors_total\{kind="(storage|room_fenced|panic)"\} ([0-9]+)`)
	backlogBytes = regexp.MustCompile(`(?m)^symphony_journal_backlog_bytes (\S+)`)

	quick = http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
)

// Add asks a server. One that does not answer is left out until the next time.
func (c *Counts) Add(s *Server) {
	resp, err := quick.Get("http://" + s.Addr + "/metrics")
	if err != nil {
		return
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return
	}
	if found := backlogBytes.FindSubmatch(body); found != nil {
		if bytes, err := strconv.ParseFloat(string(found[1]), 64); err == nil {
			c.Backlog = max(c.Backlog, int(bytes))
		}
	}
	if c.Total == nil {
		c.Total, c.last = map[string]int{}, map[*Server]map[string]int{}
	}
	now := map[string]int{}
	for _, found := range errorCount.FindAllSubmatch(body, -1) {
		kind := string(found[1])
		now[kind], _ = strconv.Atoi(string(found[2]))
		if before := c.last[s][kind]; now[kind] >= before {
			c.Total[kind] += now[kind] - before
		} else { // another process
			c.Total[kind] += now[kind]
		}
	}
	c.last[s] = now
}
