package ipc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type inner struct {
	Text string
	At   time.Time
}

type everything struct {
	Text   string
	Bytes  []byte
	Yes    bool
	Int    int
	Small  int8
	Big    uint64
	Took   time.Duration
	Share  float64
	At     time.Time
	Never  time.Time
	Inner  inner
	Many   []inner
	Lists  [][]byte
	Texts  []string
	Absent []inner
}

func some() everything {
	return everything{
		Text: "a\x00\xFF\xFEb", Bytes: []byte{0, 1, 2}, Yes: true, Int: -5, Small: -128, Big: 1<<64 - 1, Took: -time.Hour, Share: 0.25,
		At: time.Unix(1e10, 123456789), Inner: inner{"x", time.Unix(-5, 0)}, Many: []inner{{"y", time.UnixMilli(5)}, {}},
		Lists: [][]byte{{}, {1}, {2, 3}}, Texts: []string{"", "z"},
	}
}

func TestPack(t *testing.T) {
	want := some()
	b := Pack(nil, want, "and", []everything{want, {}})
	var got everything
	var and string
	var list []everything
	if err := Unpack(b, &got, &and, &list); err != nil || and != "and" || len(list) != 2 {
		t.Fatalf("%v, %q, %d", err, and, len(list))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff(want, list[0]); diff != "" {
		t.Fatal(diff)
	}
	if !got.Never.IsZero() || got.Never != (time.Time{}) {
		t.Errorf("no time became %v", got.Never)
	}
	for n := range b {
		if Unpack(b[:n], &got, &and, &list) == nil {
			t.Fatalf("%d of %d bytes were enough", n, len(b))
		}
	}
	if Unpack(append(b, 0), &got, &and, &list) == nil {
		t.Error("a byte too many was accepted")
	}
}

// FuzzUnpack reads any bytes: no panic, and no memory beyond what the input can fill.
func FuzzUnpack(f *testing.F) {
	f.Add(Pack(nil, some()))
	f.Fuzz(func(t *testing.T, b []byte) {
		var e everything
		if Unpack(b, &e) == nil && len(Pack(nil, e)) > len(b)+100 {
			t.Fatal("more came out than was in it")
		}
	})
}

// FuzzFrames reads any bytes as frames.
func FuzzFrames(f *testing.F) {
	f.Add(AppendPost(appendHeader(nil, header{kind: kindCall, more: true, id: 5}), 1, 2, []byte("head"), []byte("body")))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newReader(bytes.NewReader(b))
		total := 0
		for {
			_, body, _, err := r.next()
			if err != nil {
				return
			}
			if total += len(body) + headerBytes; total > len(b) {
				t.Fatal("more came out than was in it")
			}
		}
	})
}

func TestProtocolsDiffer(t *testing.T) {
	type a struct{ X, Y int }
	type b struct{ Y, X int }
	type c struct {
		X int
		Y string
	}
	texts := make(map[string]bool)
	for _, p := range []Protocol{{Name: "p"}, {Name: "q"}, {"p", []any{a{}}}, {"p", []any{b{}}}, {"p", []any{c{}}}, {"p", []any{[]c{}}}, {"p", []any{time.Time{}}}} {
		texts[p.text()] = true
	}
	if len(texts) != 7 {
		t.Errorf("7 protocols say only %v", texts)
	}
}

// echo answers calls with what they say, and posts with posts.
type echo struct {
	out   Out
	ended chan error
}

func (e *echo) Post(op uint8, id uint64, body []byte) error { return nil }

func (e *echo) Call(op uint8, body []byte) (Job, error) {
	if op == 2 {
		return Job{}, errors.New("op 2 is not for me")
	}
	body = bytes.Clone(body)
	return Job{Run: func(context.Context) ([]byte, error) { return body, nil }, Large: len(body) > 1000}, nil
}

func (e *echo) Fill(dst []byte) []byte { return dst }

func (e *echo) End(_ context.Context, err error) { e.ended <- err }

func serveEcho(t *testing.T, p Protocol, log *slog.Logger) (address string, ended chan error, stop func()) {
	t.Helper()
	dir, err := os.MkdirTemp("", "ipc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	address = filepath.Join(dir, "socket")
	l, err := Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	ended = make(chan error, 10)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	s := Server{Protocol: p, Log: log, Session: func(out Out) Session { return &echo{out: out, ended: ended} }}
	go func() { served <- s.Serve(ctx, l) }()
	stop = func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		served <- nil
	}
	t.Cleanup(stop)
	return address, ended, stop
}

func noPosts(uint8, uint64, []byte) error { return errors.New("a post") }

// TestEcho sends messages of all sizes, one after the other and many at once.
func TestEcho(t *testing.T) {
	p := Protocol{Name: "echo"}
	address, ended, _ := serveEcho(t, p, slog.New(slog.DiscardHandler))
	if info, err := os.Stat(address); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket has mode %v, %v", info.Mode(), err)
	}
	c, err := Dial(context.Background(), "unix:"+address, p, nil, noPosts)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	results := make(chan error)
	n := 0
	for _, size := range []int{0, 1, 1000, pieceBytes - 1, pieceBytes, pieceBytes + 1, 2 * pieceBytes, 5*pieceBytes + 7, 5_000_000} {
		for range 5 {
			n++
			body := bytes.Repeat([]byte{byte(n)}, size)
			go func() {
				got, err := c.Call(context.Background(), 1, body)
				if err == nil && !bytes.Equal(got, body) {
					err = fmt.Errorf("%d bytes came back otherwise", size)
				}
				results <- err
			}()
		}
	}
	for range n {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Call(context.Background(), 2, nil); !errors.Is(err, ErrLost) {
		t.Errorf("a refused call: %v", err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "op 2") {
		t.Errorf("the session ended with %v", err)
	}
	<-c.Done()
	if !errors.Is(c.Err(), ErrLost) {
		t.Errorf("Err is %v", c.Err())
	}
}

func TestOtherVersion(t *testing.T) {
	address, _, _ := serveEcho(t, Protocol{Name: "echo 1"}, slog.New(slog.DiscardHandler))
	_, err := Dial(context.Background(), address, Protocol{Name: "echo 2"}, nil, noPosts)
	if !errors.Is(err, ErrOtherVersion) || !strings.Contains(err.Error(), "echo 1") {
		t.Errorf("Dial: %v", err)
	}
}

func TestCloseAndStop(t *testing.T) {
	p := Protocol{Name: "echo"}
	address, ended, stop := serveEcho(t, p, slog.New(slog.DiscardHandler))
	a, err := Dial(context.Background(), address, p, nil, noPosts)
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	if err := <-ended; err != nil {
		t.Errorf("the session of a client that closed ended with %v", err)
	}
	if _, err := a.Call(context.Background(), 1, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Call: %v", err)
	}
	b, err := Dial(context.Background(), address, p, nil, noPosts)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	stop()
	<-b.Done()
	if err := b.Err(); !errors.Is(err, ErrLost) {
		t.Errorf("Err is %v", err)
	}
	if _, err := Dial(context.Background(), address, p, nil, noPosts); err == nil {
		t.Error("nobody listens and somebody answered")
	}
}

func TestListenRefusesLongPaths(t *testing.T) {
	if _, err := Listen("/tmp/" + strings.Repeat("x", 120)); err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Errorf("Listen: %v", err)
	}
}

// TestPiecesAreRead puts a message together whose pieces others interrupt, through a reader that gives little at a time.
func TestPiecesAreRead(t *testing.T) {
	var b []byte
	piece := func(id uint64, more bool, body string) {
		b = append(appendHeader(b, header{length: uint32(len(body)), kind: kindAnswer, id: id, more: more}), body...)
	}
	one, two := strings.Repeat("one ", pieceBytes/4), strings.Repeat("two ", pieceBytes/4)
	piece(1, true, one)
	piece(2, true, two)
	piece(3, false, "short")
	piece(1, false, "1")
	piece(2, false, "2")
	r := newReader(io.LimitReader(bytes.NewReader(b), int64(len(b))))
	var got []string
	for {
		h, body, _, err := r.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(h.id, " ", string(body)))
	}
	if diff := cmp.Diff([]string{"3 short", "1 " + one + "1", "2 " + two + "2"}, got); diff != "" {
		t.Error(diff)
	}
}

// unfinished is messages that all go on, without end.
type unfinished struct {
	length uint32 // of their pieces
	rest   []byte
	sent   int
}

func (u *unfinished) Read(b []byte) (int, error) {
	if len(u.rest) == 0 {
		u.sent++
		u.rest = append(appendHeader(nil, header{length: u.length, kind: kindCall, id: uint64(u.sent), more: true}), make([]byte, u.length)...)
	}
	n := copy(b, u.rest)
	u.rest = u.rest[n:]
	return n, nil
}

// TestUnfinishedMessagesAreBounded: the process of a room must not be able to fill the memory of the one that serves it.
func TestUnfinishedMessagesAreBounded(t *testing.T) {
	for _, length := range []uint32{0, 1, pieceBytes} {
		u := &unfinished{length: length}
		r := newReader(u)
		r.most = 10 * pieceBytes
		if _, _, _, err := r.next(); err == nil {
			t.Fatal("a message without an end was read")
		}
		if u.sent > 20 {
			t.Errorf("%d pieces of %d bytes were read", u.sent, length)
		}
	}
	// What is finished does not count.
	var b bytes.Buffer
	for id := range uint64(50) {
		b.Write(append(appendHeader(nil, header{length: pieceBytes, kind: kindCall, id: id, more: true}), make([]byte, pieceBytes)...))
		b.Write(appendHeader(nil, header{kind: kindCall, id: id}))
	}
	r := newReader(&b)
	r.most = 2 * pieceBytes
	for range 50 {
		if _, body, _, err := r.next(); err != nil || len(body) != pieceBytes {
			t.Fatalf("%d bytes, %v", len(body), err)
		}
	}
}

// TestListsThatCannotBe: a message that says it has more elements than it can have takes no memory for them.
func TestListsThatCannotBe(t *testing.T) {
	const n = 1 << 20
	b := append(Pack(nil, uint64(n)), make([]byte, n)...)
	var list []everything
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := Unpack(b, &list)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; err == nil || took > 16*n {
		t.Errorf("%d bytes took %d of memory (%v)", len(b), took, err)
	}
}

// TestLargeAnswersAreFewAtATime: they are in memory until the client has read them.
func TestLargeAnswersAreFewAtATime(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	conn := &serverConn{calls: make(map[uint64]context.CancelFunc), large: make(chan struct{}, largeAtOnce)}
	conn.w = newWriter(server, nil)
	var made atomic.Int32
	job := Job{Large: true, Run: func(context.Context) ([]byte, error) {
		made.Add(1)
		return make([]byte, pieceBytes+1), nil
	}}
	const calls = 3 * largeAtOnce
	for id := range uint64(calls) {
		conn.jobs.Go(func() { conn.answer(t.Context(), header{id: id}, job) })
	}
	for end := time.Now().Add(30 * time.Second); made.Load() < largeAtOnce; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d answers were made", made.Load())
		}
	}
	time.Sleep(20 * time.Millisecond) // for more, if there were more
	if n := made.Load(); n != largeAtOnce {
		t.Errorf("%d answers are in memory and nobody reads them", n)
	}
	go io.Copy(io.Discard, client)
	conn.jobs.Wait()
	if n := made.Load(); n != calls {
		t.Errorf("%d answers of %d", n, calls)
	}
	server.Close()
	conn.w.close()
}
