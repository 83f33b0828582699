package doctor_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/app"
	"github.com/symphony-rtc/symphony/internal/doctor"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
	"github.com/symphony-rtc/symphony/test/services"
)

// cloud is a world in a Postgres and a bucket of an S3 server that keeps objects as files.
type cloud struct {
	*world
	postgres *services.PostgresServer
	bucket   *services.Bucket
	proxy    *services.Proxy // before the bucket
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{postgres: services.Postgres(t), bucket: services.S3(t)}
	c.bucket.Setenv(t)
	c.proxy = services.NewProxy(t, c.bucket.Addr)
	config := app.Default()
	config.Data = filepath.Join(t.TempDir(), "unused")
	config.Storage.Catalog = c.postgres.URL("postgres")
	config.Storage.Snapshots = c.bucket.Via(c.proxy.Addr).URL
	c.world = newWorld(t, config)
	return c
}

// with is the world with another configuration.
func (c *cloud) with(change func(*app.Config)) *world {
	config := c.config
	change(&config)
	return newWorld(c.t, config)
}

func (c *cloud) sql(statement string, args ...any) {
	c.postgres.Exec(c.t, "postgres", statement, args...)
}

// file is where the S3 server keeps an object.
func (c *cloud) file(key string) string {
	return filepath.Join(c.bucket.Dir, "snapshots", "test", filepath.FromSlash(key))
}

func TestCloud(t *testing.T) {
	c := newCloud(t)
	_, found := c.run(doctor.Options{})
	c.wantFound(found, want{"schema", "", store.Doubtful, "the next server"}, want{"rooms", "", store.Doubtful, "older version"})
	c.with(func(config *app.Config) { config.Storage.Migrate = false }).wantState(store.Broken, want{"schema", "", store.Broken, "told not to"})
	if err := app.Migrate(t.Context(), c.config, nil); err != nil {
		t.Fatal(err)
	}
	c.rooms("good", "other", "bad")
	c.wantFine(3)
	sum, found := c.run(doctor.Options{Fix: true})
	if sum.State != store.Fine || sum.Objects < 9 {
		t.Errorf("%+v%s", sum, describe(found))
	}
	if _, err := os.Stat(c.config.Data); err == nil {
		t.Error("a data directory was made")
	}

	c.wrong()
	c.faults()
	c.damage()
	c.strays()
	c.clocks()
}

// wantState runs the doctor and wants the worst finding to be of that state, and one of the findings.
func (w *world) wantState(state store.State, wanted ...want) {
	w.t.Helper()
	sum, found := w.run(doctor.Options{})
	if sum.State != state {
		w.t.Errorf("%+v, want %v; %s", sum, state, describe(found))
	}
	w.wantFound(found, wanted...)
	for _, f := range found {
		if strings.Contains(f.Text+f.Do, "only-for-tests") {
			w.t.Errorf("a password in %+v", f)
		}
	}
}

// wrong has configurations that name what is not there or not allowed.
func (c *cloud) wrong() {
	c.with(func(config *app.Config) {
		config.Storage.Catalog = strings.Replace(config.Storage.Catalog, "only-for-tests", "wrong", 1)
	}).wantState(store.Broken, want{"catalog", "", store.Broken, "check user and password"})
	c.with(func(config *app.Config) {
		config.Storage.Catalog = "postgres://" + c.postgres.Addr + "/none?sslmode=disable&user=x"
	}).
		wantState(store.Broken, want{"catalog", "", store.Broken, "failed"})
	c.with(func(config *app.Config) {
		config.Storage.Snapshots = strings.Replace(config.Storage.Snapshots, "s3://snapshots/", "s3://missing/", 1)
	}).wantState(store.Broken, want{"snapshots", "", store.Broken, "put: "})
	c.with(func(config *app.Config) { config.Storage.Snapshots = "s3://snapshots?regoin=x" }).
		wantState(store.Broken, want{"snapshots", "", store.Broken, "regoin"})
	c.t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	c.wantState(store.Broken, want{"snapshots", "", store.Broken, "put: "})
	for _, variable := range c.bucket.Env {
		name, value, _ := strings.Cut(variable, "=")
		c.t.Setenv(name, value)
	}
}

// faults has a bucket that may be read and not written, and one that fails in the middle.
func (c *cloud) faults() {
	defer c.proxy.Set(nil)
	const denied = `<Error><Code>AccessDenied</Code><Message>no</Message></Error>`
	c.proxy.Set(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		if r.Method == http.MethodPut || r.Method == http.MethodDelete {
			services.Answer(http.StatusForbidden, denied)(w, r, server)
			return
		}
		server.ServeHTTP(w, r)
	})
	sum, found := c.run(doctor.Options{})
	c.wantFound(found, want{"snapshots", "", store.Broken, "put: "}, want{"rooms", "", store.Fine, "3 rooms"})
	if sum.Rooms != 3 || sum.Broken != 1 {
		c.t.Errorf("%+v%s", sum, describe(found))
	}
	key := c.room("other").SnapshotKey
	c.proxy.Set(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		if strings.HasSuffix(r.URL.Path, key) {
			services.Answer(http.StatusForbidden, denied)(w, r, server)
			return
		}
		server.ServeHTTP(w, r)
	})
	sum, found = c.run(doctor.Options{})
	c.wantFound(found, want{"room", "other", store.Broken, "could not be read"}, want{"rooms", "", store.Broken, "1 of 3 rooms"})
	if sum.Damaged != 0 || sum.Unread != 1 || sum.Rooms != 2 {
		c.t.Errorf("%+v%s", sum, describe(found))
	}
}

// damage does to the room "bad" what can be done to it, and repairs it while another host has it open.
func (c *cloud) damage() {
	row := fmt.Sprintf(`room = (SELECT num FROM room WHERE id = '%s')`, "bad")
	for what, damage := range map[string]struct {
		do   func()
		want string
	}{
		"flipped": {func() { c.replace(c.room("bad").SnapshotKey) }, "checksum"},
		"removed": {func() {
			if err := os.Remove(c.file(c.room("bad").SnapshotKey)); err != nil {
				c.t.Fatal(err)
			}
		}, "no such object"},
		"row flipped": {func() {
			c.sql(`UPDATE journal SET data = set_byte(data, octet_length(data) - 1, 255) WHERE ` + row + ` AND first = (SELECT max(first) FROM journal WHERE ` + row + `)`)
		}, "journal row"},
		"row lost": {func() {
			c.sql(`DELETE FROM journal WHERE ` + row + ` AND first = (SELECT max(first) FROM journal WHERE ` + row + `)`)
		}, "missing"},
		"record wrong": {func() { c.sql(`UPDATE room SET last_seq = last_seq + 1 WHERE id = 'bad'`) }, "fails its checksum"},
	} {
		damage.do()
		sum, found := c.run(doctor.Options{})
		c.wantFound(found, want{"room", "bad", store.Broken, damage.want})
		if sum.Damaged != 1 || sum.Rooms != 3 {
			c.t.Errorf("%s: %+v%s", what, sum, describe(found))
		}
		if got := c.repair("bad", "good"); got[0].Done != doctor.DoneRepaired || len(got[0].Damage) == 0 || got[1].Done != doctor.DoneHealthy {
			c.t.Errorf("%s: %+v", what, got)
		}
		if sum, found := c.run(doctor.Options{}); sum.Broken != 0 {
			c.t.Errorf("%s: after the repair %+v%s", what, sum, describe(found))
		}
		s := c.change()
		c.fill(s, "bad") // so that there is a journal again
		c.close(s)
	}
	// A host that has the room open is fenced by a repair.
	s := c.change()
	rec := storetest.NewRecorder()
	h, stored, err := s.Claim(c.t.Context(), "bad", rec)
	if err != nil {
		c.t.Error(err)
		return
	}
	c.replace(c.room("bad").SnapshotKey)
	if got := c.repair("bad"); got[0].Done != doctor.DoneRepaired {
		c.t.Errorf("%+v", got)
	}
	h.Append(stored.LastSeq+1, letter(120))
	rec.WaitFenced(c.t)
	c.close(s)
	c.with(func(*app.Config) {}).wantState(store.Fine)
}

// replace puts a damaged object in the place of another.
func (c *cloud) replace(key string) {
	s := c.change()
	defer c.close(s)
	object, err := s.Objects().Get(c.t.Context(), key)
	if err == nil {
		err = s.Objects().Delete(c.t.Context(), key)
	}
	if err == nil {
		err = s.Objects().Put(c.t.Context(), key, flip(object))
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *cloud) strays() {
	s := c.change()
	known, err := s.Rooms(c.t.Context(), "", 1)
	if err != nil || len(known) == 0 {
		c.t.Fatalf("%d rooms, %v", len(known), err)
	}
	orphan, stranger := store.NewSnapshotKey(known[0].ID, 1, 1), store.NewSnapshotKey("of another installation", 1, 1)
	for _, key := range []string{orphan, stranger, "ab/notes.txt"} {
		if err := s.Objects().Put(c.t.Context(), key, []byte("something")); err != nil {
			c.t.Fatal(err)
		}
	}
	c.close(s)
	c.wantState(store.Doubtful, want{"orphans", "", store.Fine, "none"}, want{"foreign objects", "", store.Doubtful, "notes.txt"})
	old := time.Now().Add(-2 * time.Hour)
	for _, key := range []string{orphan, stranger} {
		if err := os.Chtimes(c.file(key), old, old); err != nil {
			c.t.Fatal(err)
		}
	}
	c.wantState(store.Doubtful, want{"orphans", "", store.Doubtful, orphan}, want{"orphans", "", store.Doubtful, "does not know: " + stranger})
	_, found := c.run(doctor.Options{Fix: true})
	c.wantFound(found, want{"orphans", "", store.Fine, "removed 1"})
	if _, err := os.Stat(c.file(orphan)); err == nil {
		c.t.Error("the orphan is still there")
	}
	if _, err := os.Stat(c.file(stranger)); err != nil {
		c.t.Errorf("the snapshot of a room that the catalog does not know: %v", err)
	}
	if sum, found := c.run(doctor.Options{}); sum.Rooms != 3 || sum.Damaged != 0 {
		c.t.Errorf("%+v%s", sum, describe(found))
	}
}

// clocks has a bucket whose clock is wrong by its answers, and a machine whose clock is.
func (c *cloud) clocks() {
	defer c.proxy.Set(nil)
	c.proxy.Set(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		answer := httptest.NewRecorder()
		server.ServeHTTP(answer, r)
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.Header().Set("Date", time.Now().Add(-time.Minute).UTC().Format(http.TimeFormat))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
	_, found := c.run(doctor.Options{Quick: true})
	c.wantFound(found, want{"snapshots' clock", "", store.Doubtful, "ahead of it"}, want{"catalog's clock", "", store.Fine, "agrees"})
}

// TestManyRooms has more rooms than a page and looks at many at the same time.
func TestManyRooms(t *testing.T) {
	w := embedded(t)
	s := w.change()
	const rooms = 250
	for i := range rooms {
		_, _, err := s.Claim(context.WithoutCancel(t.Context()), fmt.Sprint("room ", i), storetest.NewRecorder())
		if err != nil {
			t.Fatal(err)
		}
	}
	w.close(s)
	sum, found := w.run(doctor.Options{Requests: 16})
	if sum.Rooms != rooms || sum.State != store.Fine {
		t.Errorf("%+v%s", sum, describe(found))
	}
}
