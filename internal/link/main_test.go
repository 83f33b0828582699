package link

import (
	"net"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience bounds every wait. Nothing is expected to be fast.
const patience = 30 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wire returns both ends of a connection.
func wire(t testing.TB) (a, b net.Conn) {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if a, err = net.Dial("unix", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	if b, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return a, b
}

// A pair is a link between two sides in this process.
type pair struct {
	t        testing.TB
	dialling *Link
	taking   *Link
	taken    chan *Stream // that the taking side has not looked at yet
}

func newPair(t testing.TB) *pair {
	t.Helper()
	a, b := wire(t)
	p := &pair{t: t, taken: make(chan *Stream, maxStreams)}
	p.dialling = newLink(a, nil)
	p.taking = newLink(b, func(s *Stream) { p.taken <- s })
	p.dialling.start(new(intake))
	p.taking.start(new(intake))
	t.Cleanup(p.close)
	return p
}

func (p *pair) close() {
	p.dialling.Close()
	p.taking.Close()
}

// open opens a stream and returns its two ends.
func (p *pair) open() (dialled, taken *Stream) {
	p.t.Helper()
	dialled, err := p.dialling.Open()
	if err != nil {
		p.t.Fatal(err)
	}
	return dialled, p.take()
}

func (p *pair) take() *Stream {
	p.t.Helper()
	select {
	case s := <-p.taken:
		return s
	case <-time.After(patience):
		p.t.Fatal("no stream comes")
		return nil
	}
}

// until waits for a condition.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come to this: %s", what)
		}
	}
}

// within runs what must end.
func within(t testing.TB, what string, run func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		run()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s: it does not end", what)
	}
}

// held is how many bytes a stream holds for its reader.
func (s *Stream) held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unread
}
