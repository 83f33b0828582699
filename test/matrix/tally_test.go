package matrix

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// errorCount finds what a server counts of things that went wrong.
var errorCount = regexp.MustCompile(`(?m)^symphony_errors_total\{kind="(storage|room_fenced|panic)"\} ([0-9]+)`)

var backlogBytes = regexp.MustCompile(`(?m)^symphony_journal_backlog_bytes (\S+)`)

// tally adds up what servers count, beyond the ends of their processes.
type tally struct {
	total   map[string]int
	last    []map[string]int // per server
	backlog int              // most bytes that waited for the journal whenever somebody looked
}

var quick = http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// count asks the servers. One that does not answer is left out until the next time.
func (w *world) count() {
	if w.tally.total == nil {
		w.tally = tally{total: map[string]int{}, last: make([]map[string]int, len(w.hosts))}
	}
	for i, s := range w.hosts {
		if !s.Running() || w.paused[i] {
			continue
		}
		resp, err := quick.Get("http://" + s.Addr + "/metrics")
		if err != nil {
			continue
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			continue
		}
		if found := backlogBytes.FindSubmatch(body); found != nil {
			if bytes, err := strconv.ParseFloat(string(found[1]), 64); err == nil {
				w.tally.backlog = max(w.tally.backlog, int(bytes))
			}
		}
		now := map[string]int{}
		for _, found := range errorCount.FindAllSubmatch(body, -1) {
			kind := string(found[1])
			now[kind], _ = strconv.Atoi(string(found[2]))
			if before := w.tally.last[i][kind]; now[kind] >= before {
				w.tally.total[kind] += now[kind] - before
			} else { // another process
				w.tally.total[kind] += now[kind]
			}
		}
		w.tally.last[i] = now
	}
}

// epochsInOrder looks into Postgres whether the journal of each room is without a gap and its epochs only rise: a host
// that wrote after another one had taken the room over would have left a number twice, a gap or a lower epoch.
func (w *world) epochsInOrder() {
	w.t.Helper()
	if w.postgres == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, w.postgres.URL(w.database))
	w.must(err)
	defer c.Close(ctx)
	var rows, wrong int
	err = c.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE before.last IS NOT NULL AND (j.first <> before.last + 1 OR j.epoch < before.epoch))
		FROM journal j LEFT JOIN LATERAL (SELECT last, epoch FROM journal b WHERE b.room = j.room AND b.first < j.first ORDER BY b.first DESC LIMIT 1) before ON true`).
		Scan(&rows, &wrong)
	w.must(err)
	w.result.JournalRows += rows
	if wrong > 0 {
		w.t.Errorf("%d of %d rows of the journal do not continue the one before them (seed %d)", wrong, rows, w.seed)
	}
}

// noteCounts puts into the table what was counted. A panic is a fault of the server, whatever was done to it.
func (w *world) noteCounts() {
	w.t.Helper()
	if n := w.tally.total["panic"]; n > 0 {
		w.t.Errorf("there were %d panics (seed %d)", n, w.seed)
	}
	for _, s := range w.hosts {
		if strings.Contains(s.Logs(), "panic") {
			w.t.Errorf("a server's output speaks of a panic (seed %d)", w.seed)
		}
	}
	if n := w.tally.total["storage"]; n > 0 {
		w.result.note("servers met %d errors of storage", n)
	}
	if n := w.tally.total["room_fenced"]; n > 0 {
		w.result.note("older hosts were refused %d times", n)
	}
	if n := w.hits.Load(); n > 0 {
		w.result.note("%d requests or commits met the fault", n)
	}
	if w.quarantined > 0 {
		w.result.note("%d times a room was in quarantine and nothing was found to be missing", w.quarantined)
	}
	if n := w.result.JournalRows; n > 0 {
		w.result.note("%d rows of the journal, epochs in order", n)
	}
}
