package telemetry

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if answer.Code != 200 {
		t.Fatalf("status %d: %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

func wantLines(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("missing %q", line)
		}
	}
}

func TestMetricsReportWhatHappened(t *testing.T) {
	m := NewMetrics("1.2.3")
	m.RoomOpened(3*time.Millisecond, nil)
	m.RoomOpened(3*time.Millisecond, errors.New("no"))
	m.SnapshotStored(time.Second, 1000, nil)
	m.SnapshotStored(time.Second, 1000, errors.New("disk full"))
	m.SnapshotSaved(time.Second, 1000, nil)
	m.JournalCommit(2*time.Millisecond, 5, 70, nil)
	m.JournalCommit(2*time.Millisecond, 5, 70, errors.New("disk full"))
	m.Counter("symphony_updates_total", "Updates.", func() float64 { return 7 })
	m.Counters("symphony_closes_total", "Closes.", "code", func() map[string]float64 {
		return map[string]float64{"4400": 2, "4508": 1}
	})
	wantLines(t, scrape(t, m),
		`symphony_build_info{version="1.2.3"} 1`,
		`symphony_room_open_duration_seconds_count{result="ok"} 1`,
		`symphony_room_open_duration_seconds_count{result="error"} 1`,
		`symphony_snapshot_bytes_total 1000`,
		`symphony_snapshot_duration_seconds_count{result="error"} 1`,
		`symphony_store_snapshot_duration_seconds_count{result="ok"} 1`,
		`symphony_journal_updates_total 5`,
		`symphony_journal_bytes_total 70`,
		`symphony_journal_commit_duration_seconds_bucket{result="ok",le="0.002"} 1`,
		`symphony_journal_commit_duration_seconds_count{result="error"} 1`,
		`symphony_updates_total 7`,
		`symphony_closes_total{code="4400"} 2`,
		`symphony_closes_total{code="4508"} 1`,
	)
}
