package faults

import (
	"bytes"
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the driver that the embedded store uses

	"github.com/symphony-rtc/symphony/test/harness"
)

// A damaged journal row: its room can only be read, with a reason, nothing of it is overwritten, other rooms are served.
func TestDamagedJournalRow(t *testing.T) {
	s := harness.StartServer(t)
	p := writeRoom(t, s, "broken")
	writeRoom(t, s, "fine")
	s.Kill()

	data := damageJournal(t, filepath.Join(s.Data, "catalog.db"), "broken")
	s.Start()
	s.WaitReady()
	isolated(t, p, s, "broken")
	served(t, p, s, "fine")
	s.Kill()

	if after := journalRow(t, filepath.Join(s.Data, "catalog.db"), "broken"); !bytes.Equal(after, data) {
		t.Error("the damaged row was changed or removed")
	}
}

// A damaged snapshot, likewise.
func TestDamagedSnapshot(t *testing.T) {
	s := harness.StartServer(t, "--room-grace=10ms")
	p := writeRoom(t, s, "broken")
	var file string
	harness.Eventually(t, "the room's snapshot", func() bool {
		files := snapshotFiles(t, s.Data)
		if len(files) == 1 {
			file = files[0]
		}
		return file != ""
	})
	if code := s.Terminate(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	snapshot, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	snapshot[len(snapshot)-1] ^= 1
	if err := os.WriteFile(file, snapshot, 0o600); err != nil {
		t.Fatal(err)
	}

	s.Start()
	s.WaitReady()
	isolated(t, p, s, "broken")
	writeRoom(t, s, "fine")
	served(t, p, s, "fine")
	s.Kill()

	after, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("the damaged snapshot is gone: %v", err)
	}
	if !bytes.Equal(after, snapshot) {
		t.Error("the damaged snapshot was changed")
	}
}

// writeRoom lets a client write into a room until that is durable, and leave.
func writeRoom(t *testing.T, s *harness.Server, room string) *harness.Puppet {
	t.Helper()
	p := harness.StartPuppet(t)
	c := p.Join(s, harness.Symphony, "writer", room)
	c.Do("append", args{"text": "written before"}, nil)
	c.Do("durable", nil, nil)
	c.Do("leave", nil, nil)
	return p
}

// isolated checks that a damaged room can be read and not written.
func isolated(t *testing.T, p *harness.Puppet, s *harness.Server, room string) {
	t.Helper()
	// Client 3 writes "a" into the text "text".
	update := []byte{0, 2, 16, 1, 1, 3, 0, 4, 1, 4, 't', 'e', 'x', 't', 1, 'a', 0}
	update[2] = byte(len(update) - 3)
	end := p.Raw(harness.Exchange{URL: s.WebSocketURL() + "/" + room, Messages: [][]byte{update}})
	if end.Code != 4503 || !strings.Contains(end.Reason, "damaged") || len(end.Received) == 0 {
		t.Errorf("a member who writes into the damaged room was answered %+v instead of 4503 and a reason", end)
	}
	if status, body, err := s.TryGet("/v1/rooms/" + room); err != nil || status != 200 || !strings.Contains(string(body), `"quarantine":"`) {
		t.Errorf("the description of the damaged room: status %d, %v: %s", status, err, body)
	}
}

func served(t *testing.T, p *harness.Puppet, s *harness.Server, room string) {
	t.Helper()
	c := p.Join(s, harness.Plain, "reader", room)
	if got := c.State().Text; got != "written before" {
		t.Errorf("room %s holds %q", room, got)
	}
	c.Do("leave", nil, nil)
}

// rowOfRoom selects the journal rows whose first block is the room's: its number, below 256, begins their directory's
// first entry (docs/storage.md).
const rowOfRoom = "FROM journal WHERE substr(data, 9, 1) = " +
	"(SELECT CAST(char(num) AS BLOB) FROM room WHERE id = CAST(? AS BLOB))"

// damageJournal flips a bit of the room's first journal row and returns the row as it then is.
func damageJournal(t *testing.T, file, room string) []byte {
	t.Helper()
	db := openCatalog(t, file)
	defer db.Close()
	var n int64
	var data []byte
	if err := db.QueryRow("SELECT n, data "+rowOfRoom+" ORDER BY n", room).Scan(&n, &data); err != nil {
		t.Fatalf("reading the journal: %v", err)
	}
	data[len(data)-2] ^= 0x10
	if _, err := db.Exec("UPDATE journal SET data = ? WHERE n = ?", data, n); err != nil {
		t.Fatalf("damaging the journal: %v", err)
	}
	return data
}

func journalRow(t *testing.T, file, room string) []byte {
	t.Helper()
	db := openCatalog(t, file)
	defer db.Close()
	var data []byte
	if err := db.QueryRow("SELECT data "+rowOfRoom+" ORDER BY n", room).Scan(&data); err != nil {
		t.Fatalf("reading the journal: %v", err)
	}
	return data
}

func openCatalog(t *testing.T, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?mode=rw")
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func snapshotFiles(t *testing.T, data string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(filepath.Join(data, "snapshots"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && d.Name()[0] != '.' {
			files = append(files, path)
		}
		return nil // a file may vanish while the server works
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
