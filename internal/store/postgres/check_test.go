package postgres

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/test/services"
)

// wantFinding looks for a finding about something, in a state, whose texts contain a word.
func wantFinding(t *testing.T, found []store.Finding, check string, state store.State, word string) {
	t.Helper()
	for _, f := range found {
		if f.Check == check {
			if f.State != state || !strings.Contains(f.Text+f.Do, word) {
				t.Errorf("%s is %v: %s (%s), want %v with %q", check, f.State, f.Text, f.Do, state, word)
			}
			return
		}
	}
	t.Errorf("no finding about %s in %+v", check, found)
}

func TestCheck(t *testing.T) {
	ctx := context.Background()
	url := database(t)
	wantFinding(t, Check(ctx, url, true, time.Now), checkSchema, store.Doubtful, "next server")
	wantFinding(t, Check(ctx, url, false, time.Now), checkSchema, store.Broken, "symphony migrate")
	db := openDB(t, url, Options{})
	claimRoom(t, db, "a")
	claimRoom(t, db, "b")
	found := Check(ctx, url, false, time.Now)
	if len(found) != 6 {
		t.Errorf("findings %+v", found)
	}
	for _, f := range found {
		if f.State != store.Fine {
			t.Errorf("%+v", f)
		}
		if strings.Contains(f.Text, "only-for-tests") {
			t.Errorf("a password in %+v", f)
		}
	}
	if n, err := db.CountRooms(ctx); n != 2 || err != nil {
		t.Errorf("%d rooms, %v", n, err)
	}
	for _, off := range []time.Duration{time.Minute, -time.Minute} {
		found := Check(ctx, url, false, func() time.Time { return time.Now().Add(off) })
		wantFinding(t, found, checkClock, store.Doubtful, ahead(off))
	}
}

// TestCheckSettings has a server whose settings endanger what is stored.
func TestCheckSettings(t *testing.T) {
	p := services.Postgres(t, "fsync=off", "full_page_writes=off", "max_connections=12")
	found := Check(context.Background(), p.URL("postgres"), true, time.Now)
	wantFinding(t, found, checkDurability, store.Broken, "fsync and full_page_writes")
	wantFinding(t, found, checkLimit, store.Doubtful, "max_connections")
	p.Exec(t, "postgres", `ALTER DATABASE postgres SET synchronous_commit = off`)
	p.Stop()
	p = services.Postgres(t, "synchronous_commit=off")
	wantFinding(t, Check(context.Background(), p.URL("postgres"), true, time.Now), checkDurability, store.Doubtful, "synchronous_commit")
}

func TestCheckRights(t *testing.T) {
	ctx := context.Background()
	p := server(t)
	name := p.NewDatabase(t)
	if err := Migrate(ctx, p.URL(name), nil); err != nil {
		t.Fatal(err)
	}
	role := "reader_" + name
	p.Exec(t, name, `CREATE ROLE `+role+` LOGIN PASSWORD 'geheim'`)
	t.Cleanup(func() {
		p.Exec(t, name, `DROP OWNED BY `+role)
		p.Exec(t, name, `DROP ROLE `+role)
	})
	as := func(password string) string {
		u, err := url.Parse(p.URL(name))
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(role, password)
		return u.String()
	}
	wantFinding(t, Check(ctx, as("wrong"), false, time.Now), checkConnection, store.Broken, "check user and password")
	wantFinding(t, Check(ctx, as("geheim"), false, time.Now), checkSchema, store.Broken, "lacks a right")
	p.Exec(t, name, `GRANT SELECT ON ALL TABLES IN SCHEMA public TO `+role)
	wantFinding(t, Check(ctx, as("geheim"), false, time.Now), checkRights, store.Broken, "room_num, host")
	p.Exec(t, name, `GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO `+role)
	for _, table := range []string{"room", "fence", "journal", "version", "visit", "erased"} {
		wantFinding(t, Check(ctx, as("geheim"), false, time.Now), checkRights, store.Broken, "permission denied")
		p.Exec(t, name, fmt.Sprintf(`GRANT INSERT, UPDATE, DELETE ON %s TO %s`, table, role))
	}
	wantFinding(t, Check(ctx, as("geheim"), false, time.Now), checkRights, store.Fine, "rolled back")
	p.Exec(t, name, `UPDATE goose_db_version SET version_id = 99 WHERE version_id > 0`)
	wantFinding(t, Check(ctx, as("geheim"), false, time.Now), checkSchema, store.Broken, "newer symphony")
	wantFinding(t, Check(ctx, "postgres://x@127.0.0.1:1/x", false, time.Now), checkConnection, store.Broken, "check that PostgreSQL runs there")
}

// TestGuest has a guest look at rooms, one of which a host holds: nothing is changed by it.
func TestGuest(t *testing.T) {
	ctx := context.Background()
	url := database(t)
	db := openDB(t, url, Options{})
	claimRoom(t, db, "a")
	guest, err := Open(ctx, url, Options{Guest: true, NoMigrate: true})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := guest.Room(ctx, "a"); err != nil || !info.Active {
		t.Errorf("%+v, %v", info, err)
	}
	if err := guest.Close(); err != nil {
		t.Error(err)
	}
	if info, err := db.Room(ctx, "a"); err != nil || !info.Active || info.Epoch != 1 {
		t.Errorf("%+v, %v", info, err)
	}
}
