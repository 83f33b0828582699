package postgres

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

// TestErrorsSayWhatToDo opens databases that cannot be used.
func TestErrorsSayWhatToDo(t *testing.T) {
	p := server(t)
	name := p.NewDatabase(t)
	good := p.URL(name)
	p.Exec(t, name, `DROP ROLE IF EXISTS guest`)
	p.Exec(t, name, `CREATE ROLE guest LOGIN PASSWORD 'guest'`)
	t.Cleanup(func() { p.Exec(t, "postgres", `DROP ROLE guest`) })
	p.Exec(t, name, `REVOKE CREATE ON SCHEMA public FROM PUBLIC`)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()

	for what, c := range map[string]struct {
		url       string
		noMigrate bool
		want      string
	}{
		"no URL":           {url: "somewhere", want: "looks like postgres://"},
		"unreachable":      {url: strings.Replace(good, p.Addr, nobody, 1), want: "check that PostgreSQL runs there"},
		"wrong password":   {url: strings.Replace(good, ":only-for-tests@", ":wrong@", 1), want: "check user and password"},
		"missing database": {url: p.URL("nothing"), want: "create the database"},
		"missing rights":   {url: strings.Replace(good, "symphony:only-for-tests@", "guest:guest@", 1), want: "docs/storage.md lists the ones"},
		"missing schema":   {url: good, noMigrate: true, want: "symphony migrate"},
	} {
		db, err := Open(context.Background(), c.url, Options{NoMigrate: c.noMigrate})
		if err == nil {
			db.Close()
			t.Errorf("%s: opened", what)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "only-for-tests") || strings.Contains(err.Error(), "wrong@") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestRights: the rights that docs/storage.md lists are enough.
func TestRights(t *testing.T) {
	ctx := context.Background()
	p := server(t)
	name := p.NewDatabase(t)
	if err := Migrate(ctx, p.URL(name), nil); err != nil {
		t.Fatal(err)
	}
	p.Exec(t, name, `CREATE ROLE worker LOGIN PASSWORD 'worker'`)
	t.Cleanup(func() { p.Exec(t, "postgres", `DROP ROLE worker`) })
	t.Cleanup(func() { p.Exec(t, name, `DROP OWNED BY worker`) })
	for _, right := range []string{
		"USAGE ON SCHEMA public", "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public", "USAGE ON ALL SEQUENCES IN SCHEMA public",
	} {
		p.Exec(t, name, `GRANT `+right+` TO worker`)
	}
	p.Exec(t, name, `REVOKE CREATE ON SCHEMA public FROM PUBLIC`)
	db, err := Open(ctx, strings.Replace(p.URL(name), "symphony:only-for-tests@", "worker:worker@", 1), Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, heard := claimRoom(t, db, "room")
	c.Append(1, []byte("x"))
	heard.WaitCommitted(t, 1)
	if err := point(ctx, c, "key", 1); err != nil {
		t.Error(err)
	}
	if _, err := db.Keep(ctx, "room", store.VersionManual, ""); err != nil {
		t.Error(err)
	}
	if err := db.RecordVisits(ctx, []store.Visit{{Room: "room", Connection: "1", Epoch: 1, Joined: time.Now()}}); err != nil {
		t.Error(err)
	}
	if err := c.Release(ctx); err != nil {
		t.Error(err)
	}
	if _, err := db.Erase(ctx, "room"); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// TestMigrate: hosts that start at once bring an empty database up to date together; an older schema is changed or refused as the
// options say, and a newer one is refused.
func TestMigrate(t *testing.T) {
	ctx := context.Background()
	p := server(t)
	name := p.NewDatabase(t)
	url := p.URL(name)
	before, err := Status(ctx, url)
	if err != nil || before.Has != 0 || before.Current < 1 || before.Server == "" {
		t.Fatalf("an empty database: %+v, %v", before, err)
	}
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			db, err := Open(ctx, url, Options{})
			if err != nil {
				t.Error(err)
				return
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if after, err := Status(ctx, url); err != nil || after.Has != before.Current {
		t.Fatalf("after the migration: %+v, %v", after, err)
	}
	var rows int64
	ask(t, url, &rows, `SELECT count(*) FROM goose_db_version`)
	if rows != before.Current+1 {
		t.Errorf("the table of migrations has %d rows", rows)
	}
	var said strings.Builder
	if err := Migrate(ctx, url, slog.New(slog.NewTextHandler(&said, nil))); err != nil || said.Len() > 0 {
		t.Errorf("a second migration: %v, %s", err, &said)
	}
	openDB(t, url, Options{NoMigrate: true})

	p.Exec(t, name, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (1000, true)`)
	if db, err := Open(ctx, url, Options{}); err == nil {
		db.Close()
		t.Error("a newer schema was accepted")
	} else if !strings.Contains(err.Error(), "newer symphony") {
		t.Error(err)
	}
	if err := Migrate(ctx, url, nil); err == nil || !strings.Contains(err.Error(), "newer symphony") {
		t.Errorf("migration of a newer schema: %v", err)
	}
}

// TestSchemas: several installations in one database, each in a schema of its own, know nothing of each other.
func TestSchemas(t *testing.T) {
	url := database(t)
	var dbs []*DB
	for _, schema := range []string{"one", "two"} {
		run(t, url, `CREATE SCHEMA `+schema)
		dbs = append(dbs, openDB(t, url+"&search_path="+schema, Options{}))
	}
	for i, db := range dbs {
		c, heard := claimRoom(t, db, "room")
		c.Append(1, fmt.Append(nil, i))
		heard.WaitCommitted(t, 1)
	}
	for i, db := range dbs {
		wantUpdates(t, db, "room", fmt.Sprint(i))
	}
	if err := dbs[0].Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := dbs[1].Room(context.Background(), "room"); err != nil || !info.Active {
		t.Errorf("%+v, %v", info, err)
	}
}

// TestSettings: a database whose defaults would break promises does not.
func TestSettings(t *testing.T) {
	p := server(t)
	name := p.NewDatabase(t)
	for _, setting := range []string{"synchronous_commit = off", "default_transaction_isolation = 'serializable'", "default_transaction_read_only = on"} {
		p.Exec(t, "postgres", `ALTER DATABASE `+name+` SET `+setting)
	}
	db := openDB(t, p.URL(name), Options{})
	c, heard := claimRoom(t, db, "room")
	c.Append(1, []byte("x"))
	heard.WaitCommitted(t, 1)
	err := db.pool.with(context.Background(), func(pooled *pgx.Conn) error {
		for _, conn := range []*pgx.Conn{pooled, db.committer.conn} { // the committer has nothing to do
			for setting, want := range map[string]string{
				"synchronous_commit": "on", "default_transaction_isolation": "read committed", "default_transaction_read_only": "off",
			} {
				var got string
				if err := conn.QueryRow(context.Background(), `SELECT current_setting($1)`, setting).Scan(&got); err != nil {
					return err
				}
				if got != want {
					t.Errorf("%s is %s", setting, got)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// hostURL makes the test binary play a host that opens a room and waits to be killed.
const hostURL = "SYMPHONY_TEST_POSTGRES_HOST"

func playHost(url string) {
	db, err := Open(context.Background(), url, Options{})
	if err == nil {
		_, _, err = db.Claim(context.Background(), "room", storetest.NewRecorder())
	}
	fmt.Println("ready", err)
	select {}
}

// TestDeadHost kills a process that has a room open: the room is soon inactive, for everybody.
func TestDeadHost(t *testing.T) {
	url := database(t)
	db := openDB(t, url, Options{})
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), hostURL+"="+url)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready <nil>\n" {
		t.Fatalf("the host said %q, %v", line, err)
	}
	active := func() bool {
		info, err := db.Room(context.Background(), "room")
		if err != nil {
			t.Fatal(err)
		}
		list, err := db.Rooms(context.Background(), "", 10)
		if err != nil || len(list) != 1 || list[0].Active && !info.Active { // it may die in between
			t.Fatalf("the list says %+v, %v", list, err)
		}
		return info.Active
	}
	if !active() {
		t.Fatal("a room that a host has open is inactive")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the room of a dead host to be inactive", func() bool { return !active() })
}

// TestDeadHostsAreBuried: the table says it too, after a while, and never of a host that lives.
func TestDeadHostsAreBuried(t *testing.T) {
	ctx := context.Background()
	url := database(t)
	dead, alive := openDB(t, url, Options{}), openDB(t, url, Options{})
	claimRoom(t, dead, "of the dead")
	claimRoom(t, alive, "of the living")
	dead.host.close() // its session is over, and nothing else of it
	h, err := newHost(ctx, alive.pool.config, 10*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	count := func(id string) (n int) {
		ask(t, url, &n, `SELECT count(*) FROM room WHERE active = 1 AND id = $1`, []byte(id))
		return n
	}
	eventually(t, "the room to be marked", func() bool { return count("of the dead") == 0 })
	if count("of the living") != 1 {
		t.Error("the room of a host that lives is marked inactive")
	}
}

// TestHostSession cuts the session by which a host shows that it lives: it makes another.
func TestHostSession(t *testing.T) {
	p := server(t)
	name := p.NewDatabase(t)
	db, other := openDB(t, p.URL(name), Options{}), openDB(t, p.URL(name), Options{})
	claimRoom(t, db, "room")
	active := func() bool {
		info, err := other.Room(context.Background(), "room")
		return err == nil && info.Active
	}
	if !active() {
		t.Fatal("a room that a host has open is inactive")
	}
	for range 3 {
		p.Exec(t, "postgres", `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, name)
		eventually(t, "the room to be active again", active)
	}
}
