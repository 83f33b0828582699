package matrix

import (
	"strings"
)

// count asks the servers what they count.
func (w *world) count() {
	for i, s := range w.hosts {
		if s.Running() && !w.paused[i] {
			w.counts.Add(s)
		}
	}
}

// epochsInOrder looks into Postgres whether ever a host wrote after another one had taken the room over.
func (w *world) epochsInOrder() {
	w.t.Helper()
	if w.postgres == nil {
		return
	}
	rows, err := w.postgres.JournalInOrder(w.database)
	if err != nil {
		w.t.Errorf("%v (seed %d)", err, w.seed)
	}
	w.result.JournalRows += rows
}

// noteCounts puts into the table what was counted. A panic is a fault of the server, whatever was done to it.
func (w *world) noteCounts() {
	w.t.Helper()
	if n := w.counts.Total["panic"]; n > 0 {
		w.t.Errorf("there were %d panics (seed %d)", n, w.seed)
	}
	for _, s := range w.hosts {
		if strings.Contains(s.Logs(), "panic") {
			w.t.Errorf("a server's output speaks of a panic (seed %d)", w.seed)
		}
	}
	if n := w.counts.Total["storage"]; n > 0 {
		w.result.note("servers met %d errors of storage", n)
	}
	if n := w.counts.Total["room_fenced"]; n > 0 {
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
