// Package cloudtest is what every adapter of an object storage service must survive: networks and servers on bad days.
package cloudtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/test/services"
)

// stall is what the adapters under test take for "stands still".
const stall = 2 * time.Second

// patience bounds what must end by itself.
const patience = 30 * time.Second

// suite is one adapter over a real server with a proxy between them.
type suite struct {
	t     *testing.T
	proxy *services.Proxy
	objects,
	direct store.Objects // the same place, without the proxy
	keys uint64
}

// Run runs the suite. open opens the same place by way of an address (host:port) with a stall.
func Run(t *testing.T, server *services.Bucket, open func(t *testing.T, addr string, stall time.Duration) store.Objects) {
	proxy := services.NewProxy(t, server.Addr)
	s := &suite{proxy: proxy, objects: open(t, proxy.Addr, stall), direct: open(t, server.Addr, 0)}
	for _, test := range []struct {
		name string
		run  func(*suite)
	}{
		{"FailuresThatPass", (*suite).failuresThatPass},
		{"FailuresThatStay", (*suite).failuresThatStay},
		{"AnswerLost", (*suite).answerLost},
		{"AnswerLostForAnothersObject", (*suite).answerLostForAnothersObject},
		{"BadBodies", (*suite).badBodies},
		{"BadUploads", (*suite).badUploads},
		{"Hanging", (*suite).hanging},
		{"Cancel", (*suite).cancel},
		{"SlowIsNotHanging", (*suite).slowIsNotHanging},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.t = t
			proxy.Set(nil)
			proxy.Seen()
			test.run(s)
		})
	}
	proxy.Set(nil)
	t.Run("Restart", func(t *testing.T) { s.t = t; s.restart(server) })
	if server.Durable {
		t.Run("Kills", func(t *testing.T) { s.t = t; s.kills(server) })
	}
	t.Run("Unreachable", func(t *testing.T) { s.t = t; s.unreachable(open) })
}

// skipIfShort skips what waits for retries or timeouts most of its time.
func (s *suite) skipIfShort() {
	if testing.Short() {
		s.t.Skip("takes 10 to 20 s")
	}
}

func all(*http.Request) bool { return true }

func (s *suite) key() string {
	s.keys++
	return store.NewSnapshotKey("room", 1, s.keys)
}

func content(key string) []byte { return []byte(strings.Repeat("content of "+key+" ", 2000)) }

// stored puts an object without the proxy.
func (s *suite) stored() string {
	s.t.Helper()
	key := s.key()
	if err := s.direct.Put(context.Background(), key, content(key)); err != nil {
		s.t.Fatal(err)
	}
	return key
}

func (s *suite) mustHave(key string) {
	s.t.Helper()
	if got, err := s.direct.Get(context.Background(), key); err != nil || !bytes.Equal(got, content(key)) {
		s.t.Errorf("the storage has %d bytes, %v; want %d", len(got), err, len(content(key)))
	}
}

func keysOf(o store.Objects) ([]string, error) {
	var keys []string
	err := o.List(context.Background(), func(key string) error {
		keys = append(keys, key)
		return nil
	})
	slices.Sort(keys)
	return keys, err
}

// each runs every operation with a fault on its first n requests.
func (s *suite) each(n int, fault services.Fault, check func(operation string, err error)) {
	ctx := context.Background()
	there, fresh := s.stored(), s.key()
	s.proxy.SetFor(n, all, fault)
	check("put", s.objects.Put(ctx, fresh, content(fresh)))
	s.proxy.SetFor(n, all, fault)
	got, err := s.objects.Get(ctx, there)
	if err == nil && !bytes.Equal(got, content(there)) {
		s.t.Errorf("Get returned %d other bytes", len(got))
	}
	check("get", err)
	s.proxy.SetFor(n, all, fault)
	_, err = keysOf(s.objects)
	check("list", err)
	s.proxy.SetFor(n, all, fault)
	check("delete", s.objects.Delete(ctx, there))
}

func (s *suite) failuresThatPass() {
	for name, fault := range map[string]services.Fault{
		"dropped": services.Drop, "500": services.Answer(500, ""), "503": services.Answer(503, "slow down"),
	} {
		s.each(2, fault, func(operation string, err error) {
			if err != nil {
				s.t.Errorf("%s after two times %s: %v", operation, name, err)
			}
		})
	}
	want, err1 := keysOf(s.direct)
	got, err2 := keysOf(s.objects)
	if err := errors.Join(err1, err2); err != nil || !slices.Equal(got, want) {
		s.t.Errorf("List: %q, want %q, %v", got, want, err)
	}
}

func (s *suite) failuresThatStay() {
	s.skipIfShort()
	for name, fault := range map[string]services.Fault{"dropped": services.Drop, "500": services.Answer(500, "")} {
		s.proxy.Seen()
		s.each(1000, fault, func(operation string, err error) {
			if err == nil || errors.Is(err, store.ErrNoObject) || errors.Is(err, store.ErrObjectExists) {
				s.t.Errorf("%s, each time %s: %v", operation, name, err)
			}
			if tries := len(s.proxy.Seen()); tries < 2 || tries > 8 {
				s.t.Errorf("%s was tried %d times", operation, tries)
			}
		})
	}
}

// upload tells a request that carries content.
func upload(r *http.Request) bool { return r.Method == http.MethodPut || r.Method == http.MethodPost }

func (s *suite) answerLost() {
	key := s.key()
	s.proxy.SetFor(1, upload, services.LoseAnswer)
	if err := s.objects.Put(context.Background(), key, content(key)[:10], content(key)[10:]); err != nil {
		s.t.Errorf("Put whose first answer was lost: %v", err)
	}
	s.mustHave(key)
}

func (s *suite) answerLostForAnothersObject() {
	key := s.stored()
	s.proxy.SetFor(1, upload, services.LoseAnswer)
	other := bytes.ToUpper(content(key)) // as long
	if err := s.objects.Put(context.Background(), key, other); !errors.Is(err, store.ErrObjectExists) {
		s.t.Errorf("Put over another's object whose first answer was lost: %v", err)
	}
	s.mustHave(key)
}

func (s *suite) badBodies() {
	ctx := context.Background()
	for name, fault := range map[string]services.Fault{
		"truncated": services.Truncate, "shortened": services.Shorten, "unmeasured": services.Unmeasure, "corrupt": services.Corrupt,
	} {
		key := s.stored()
		s.proxy.SetFor(1, all, fault)
		if got, err := s.objects.Get(ctx, key); err != nil || !bytes.Equal(got, content(key)) {
			s.t.Errorf("Get after one body was %s: %d of %d bytes, %v", name, len(got), len(content(key)), err)
		}
		s.proxy.Set(fault)
		if got, err := s.objects.Get(ctx, key); err == nil || errors.Is(err, store.ErrNoObject) {
			s.t.Errorf("Get while each body is %s: %d of %d bytes, %v", name, len(got), len(content(key)), err)
		}
	}
	s.proxy.Set(services.Truncate)
	if keys, err := keysOf(s.objects); err == nil {
		s.t.Errorf("List while each body is truncated: %d keys and no error", len(keys))
	}
}

// badUploads changes a bit of each upload: what the server then has is not what Put was given, so Put must not succeed.
func (s *suite) badUploads() {
	s.proxy.Set(services.CorruptUpload)
	key := s.key()
	if err := s.objects.Put(context.Background(), key, content(key)); err == nil || errors.Is(err, store.ErrObjectExists) {
		s.t.Errorf("Put of what was changed on its way: %v", err)
	}
}

// hanging has a server that takes requests and does not answer: one is given up and sent again; if all hang, the end of
// the context ends the wait.
func (s *suite) hanging() {
	s.skipIfShort()
	s.each(1, services.Hang, func(operation string, err error) {
		if err != nil {
			s.t.Errorf("%s after one request hung: %v", operation, err)
		}
	})
	key := s.stored()
	s.proxy.Set(services.Hang)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	s.within(func() {
		if _, err := s.objects.Get(ctx, key); !errors.Is(err, context.DeadlineExceeded) {
			s.t.Errorf("Get from a server that hangs: %v", err)
		}
	})
	s.within(func() {
		if err := s.objects.Put(context.Background(), s.key(), content(key)); err == nil {
			s.t.Error("Put to a server that hangs, without a deadline, succeeded")
		}
	})
}

func (s *suite) cancel() {
	key := s.stored()
	for operation, do := range map[string]func(ctx context.Context) error{
		"put":    func(ctx context.Context) error { return s.objects.Put(ctx, s.key(), content(key)) },
		"get":    func(ctx context.Context) error { _, err := s.objects.Get(ctx, key); return err },
		"list":   func(ctx context.Context) error { return s.objects.List(ctx, func(string) error { return nil }) },
		"delete": func(ctx context.Context) error { return s.objects.Delete(ctx, key) },
	} {
		ctx, cancel := context.WithCancel(context.Background())
		s.proxy.Set(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
			cancel()
			services.Hang(w, r, server)
		})
		s.within(func() {
			if err := do(ctx); !errors.Is(err, context.Canceled) {
				s.t.Errorf("%s whose context ended in the middle: %v", operation, err)
			}
		})
	}
	s.proxy.Set(nil)
	s.mustHave(key)
}

// slowIsNotHanging has an answer that comes piece by piece, and takes longer than the stall altogether.
func (s *suite) slowIsNotHanging() {
	key := s.stored()
	s.proxy.Set(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		server.ServeHTTP(&slowly{ResponseWriter: w, pieces: 6, pause: stall / 4}, r)
	})
	if got, err := s.objects.Get(context.Background(), key); err != nil || !bytes.Equal(got, content(key)) {
		s.t.Errorf("Get from a slow server: %d bytes, %v", len(got), err)
	}
	if tries := s.proxy.Seen(); len(tries) != 1 {
		s.t.Errorf("a slow answer was given up: %q", tries)
	}
}

// slowly writes the first bytes in pieces with pauses.
type slowly struct {
	http.ResponseWriter
	pieces int
	pause  time.Duration
}

func (s *slowly) Write(p []byte) (int, error) {
	written := 0
	for ; s.pieces > 0 && len(p)-written > 10; s.pieces-- {
		n, err := s.ResponseWriter.Write(p[written : written+10])
		written += n
		if err != nil {
			return written, err
		}
		_ = http.NewResponseController(s.ResponseWriter).Flush()
		time.Sleep(s.pause)
	}
	n, err := s.ResponseWriter.Write(p[written:])
	return written + n, err
}

// restart kills the server, or stops it, and starts it again while a Put is under way.
func (s *suite) restart(server *services.Bucket) {
	before := s.stored()
	if server.Durable {
		server.Kill()
	} else {
		server.Stop()
	}
	key := s.key()
	put := make(chan error, 1)
	go func() { put <- s.direct.Put(context.Background(), key, content(key)) }()
	if err := server.Start(); err != nil {
		s.t.Fatal(err)
	}
	// The server may have come back too late for this Put, but then another succeeds.
	if err := <-put; err != nil {
		if err := s.direct.Put(context.Background(), key, content(key)); err != nil {
			s.t.Fatalf("Put after a restart: %v", err)
		}
	}
	s.mustHave(before)
	s.mustHave(key)
}

// kills kills the server at any moment, again and again, while objects are put. What Put has confirmed is there, whole; of
// anything else there is all or an error.
func (s *suite) kills(server *services.Bucket) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var mu sync.Mutex
	var tried, confirmed []string
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				key := s.key()
				tried = append(tried, key)
				mu.Unlock()
				if s.direct.Put(ctx, key, content(key)) == nil {
					mu.Lock()
					confirmed = append(confirmed, key)
					mu.Unlock()
				}
			}
		})
	}
	for range 5 {
		time.Sleep(time.Duration(20+rand.IntN(200)) * time.Millisecond)
		server.Kill()
		if err := server.Start(); err != nil {
			cancel()
			wg.Wait()
			s.t.Fatal(err)
		}
	}
	mu.Lock()
	enough := len(confirmed)
	mu.Unlock()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		mu.Lock()
		done := len(confirmed) > enough+4 // each writer got over the last kill
		mu.Unlock()
		if done {
			break
		}
	}
	cancel()
	wg.Wait()
	if len(confirmed) <= enough {
		s.t.Error("nothing was stored after the last kill")
	}
	for _, key := range confirmed {
		s.mustHave(key)
	}
	for _, key := range tried {
		if got, err := s.direct.Get(context.Background(), key); err == nil && !bytes.Equal(got, content(key)) {
			s.t.Errorf("%s: %d of %d bytes and no error", key, len(got), len(content(key)))
		}
	}
	s.t.Logf("%d of %d puts were confirmed", len(confirmed), len(tried))
}

// unreachable has an address where nobody listens.
func (s *suite) unreachable(open func(t *testing.T, addr string, stall time.Duration) store.Objects) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		s.t.Fatal(err)
	}
	o := open(s.t, addr, stall)
	key := s.key()
	_, errGet := o.Get(context.Background(), key)
	for operation, err := range map[string]error{"put": o.Put(context.Background(), key, nil), "get": errGet} {
		MustSay(s.t, err, operation, addr, "reachable from here?")
		if errors.Is(err, store.ErrNoObject) {
			s.t.Errorf("%s: an unreachable server counts as a missing object: %v", operation, err)
		}
	}
}

// MustSay fails the test unless err is an error with all the texts.
func MustSay(t *testing.T, err error, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(fmt.Sprint(err), text) {
			t.Errorf("error %v does not say %q", err, text)
		}
	}
}

// within fails the test if do takes very long.
func (s *suite) within(do func()) {
	s.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		s.t.Fatal("it does not end")
	}
}
