package link

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws"
)

func noise(seed uint64, n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(seed)}).Read(p)
	return p
}

func TestReaderThatStandsStillHoldsUpNobody(t *testing.T) {
	p := newPair(t)
	slow, unread := p.open()
	sent := noise(1, 3*Window)
	done := make(chan error, 1)
	go func() {
		_, err := slow.Conn().Write(sent)
		slow.CloseWrite()
		done <- err
	}()
	until(t, "its window is used up", func() bool { return unread.held() == Window })

	var work sync.WaitGroup
	for seed := range uint64(4) {
		one, other := p.open()
		for i, ends := range [][2]*Stream{{one, other}, {other, one}} {
			sent := noise(2*seed+uint64(i), 5<<20)
			work.Go(func() {
				if _, err := ends[0].Conn().Write(sent); err != nil {
					t.Error(err)
				}
				ends[0].CloseWrite()
			})
			work.Go(func() {
				if got, err := io.ReadAll(ends[1].Conn()); err != nil || !bytes.Equal(got, sent) {
					t.Errorf("%d of %d bytes came: %v", len(got), len(sent), err)
				}
			})
		}
	}
	within(t, "the others", work.Wait)

	if held := unread.held(); held != Window {
		t.Errorf("%d bytes are held for the one that stands still", held)
	}
	if n, err := slow.Write([]byte("more")); n != 0 || err != nil {
		t.Errorf("%d bytes more were written: %v", n, err)
	}
	got, err := io.ReadAll(unread.Conn())
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d of %d bytes came: %v", len(got), len(sent), err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A reader that takes little at a time lets the other side write again long before it has taken all: never more than Window is held.
func TestWindowOpensWhileBytesAreRead(t *testing.T) {
	p := newPair(t)
	from, to := p.open()
	sent := noise(2, 4*Window)
	go func() {
		_, _ = from.Conn().Write(sent)
		from.CloseWrite()
	}()
	var got []byte
	for piece := make([]byte, 1000); ; {
		if held := to.held(); held > Window {
			t.Fatalf("%d bytes are held", held)
		}
		n, err := to.Conn().Read(piece)
		if got = append(got, piece[:n]...); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got, sent) {
		t.Error("what came is not what was sent")
	}
}

// What waits to be written is bounded, however many streams have something to say and however little the other side reads.
func TestQueueIsBounded(t *testing.T) {
	a, b := wire(t)
	l := newLink(a, nil)
	l.start(new(intake))
	defer l.Close()
	var streams []*Stream
	full := false
	for i := 0; i < 100 && !full; i++ {
		s, err := l.Open()
		if err != nil {
			t.Fatal(err)
		}
		streams = append(streams, s)
		n, err := s.Write(make([]byte, Window))
		if err != nil {
			t.Fatal(err)
		}
		full = n == 0
	}
	l.mu.Lock()
	queued := len(l.out)
	l.mu.Unlock()
	if !full || queued >= maxQueue+Window+1000*headerSize {
		t.Fatalf("%d bytes wait to be written, and streams are told so: %v", queued, full)
	}
	last := streams[len(streams)-1]
	written := make(chan error, 1)
	go func() {
		_, err := last.Conn().Write([]byte("hello"))
		written <- err
	}()
	go func() { _, _ = io.Copy(io.Discard, b) }() // until the link ends
	if err := <-written; err != nil {
		t.Error(err)
	}
}

func TestManyStreamsLeaveNothing(t *testing.T) {
	p := newPair(t)
	const count, atOnce = 10_000, 50
	var work sync.WaitGroup
	work.Go(func() { // the taking side sends back what comes
		for range count {
			s := p.take()
			work.Go(func() {
				all, err := io.ReadAll(s.Conn())
				if err == nil {
					_, err = s.Conn().Write(all)
				}
				if err != nil {
					t.Error(err)
				}
				s.Close(false)
			})
		}
	})
	for i := range atOnce {
		work.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 0))
			for range count / atOnce {
				s, err := p.dialling.Open()
				if err != nil {
					t.Error(err)
					return
				}
				s.ReadDeadline(time.Now().Add(time.Hour)) // a timer more that must not stay
				s.WriteDeadline(time.Now().Add(time.Hour))
				sent := noise(uint64(i), 1+r.IntN(3000))
				if _, err := s.Conn().Write(sent); err != nil {
					t.Error(err)
				}
				s.CloseWrite()
				if got, err := io.ReadAll(s.Conn()); err != nil || !bytes.Equal(got, sent) {
					t.Errorf("%d of %d bytes came back: %v", len(got), len(sent), err)
				}
				s.Close(r.IntN(2) == 0)
				if s.readEnd != nil || s.writeEnd != nil || s.head != nil || s.tail != nil {
					t.Error("a closed stream holds timers or memory")
				}
				s.ReadDeadline(time.Now().Add(time.Hour))
				s.WriteDeadline(time.Now().Add(time.Hour))
				if s.readEnd != nil || s.writeEnd != nil {
					t.Error("a closed stream has new timers")
				}
			}
		})
	}
	within(t, "the streams", work.Wait)
	until(t, "no streams are left", func() bool { return p.dialling.Streams()+p.taking.Streams() == 0 })
	for _, l := range []*Link{p.dialling, p.taking} {
		until(t, "nothing waits to be written", func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return len(l.out)+len(l.crowd) == 0 && cap(l.spare) <= keepQueue
		})
	}
}

// A connection that breaks ends all that is waiting, on both sides, with an error that is no end of a stream.
func TestBrokenConnectionEndsAll(t *testing.T) {
	for name, breaks := range map[string]func(p *pair){
		"closed by the dialling side": func(p *pair) { p.dialling.Close() },
		"closed by the taking side":   func(p *pair) { p.taking.Close() },
		"cut":                         func(p *pair) { p.dialling.sock.CloseWrite() },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t)
			var work sync.WaitGroup
			for range 20 {
				one, other := p.open()
				for _, s := range []*Stream{one, other} {
					reading := make(chan struct{})
					work.Go(func() {
						err := s.Read(&parker{parked: reading})
						if err == nil || err == io.EOF || ws.IsDeadline(err) {
							t.Errorf("a reader ends with %v", err)
						}
					})
					<-reading
				}
			}
			for range 20 { // these are stuck in writing
				one, other := p.open()
				for _, s := range []*Stream{one, other} {
					work.Go(func() {
						if n, err := s.Conn().Write(make([]byte, 2*Window)); err == nil || ws.IsDeadline(err) {
							t.Errorf("a writer ends after %d bytes with %v", n, err)
						}
					})
				}
				until(t, "the windows are used up", func() bool { return one.held() == Window && other.held() == Window })
			}
			breaks(p)
			within(t, "readers and writers", work.Wait)
			for _, l := range []*Link{p.dialling, p.taking} {
				within(t, "the link", func() {
					<-l.Done()
					l.work.Wait()
				})
				if n := l.Streams(); n != 0 {
					t.Errorf("%d streams are left", n)
				}
			}
			if _, err := p.dialling.Open(); err == nil {
				t.Error("a stream was opened on a link that is broken")
			}
		})
	}
}

// parker is an intake that says when it is parked.
type parker struct {
	pieceIntake
	parked chan struct{}
}

func (p *parker) Space() []byte { return make([]byte, 1) }
func (p *parker) Park()         { close(p.parked) }

// What came before the connection broke can still be read.
func TestWhatCameIsReadAfterTheBreak(t *testing.T) {
	p := newPair(t)
	one, other := p.open()
	if _, err := one.Conn().Write([]byte("my last words")); err != nil {
		t.Fatal(err)
	}
	until(t, "they came", func() bool { return other.held() == len("my last words") })
	p.dialling.Close()
	<-p.taking.Done()
	got, err := io.ReadAll(other.Conn())
	if string(got) != "my last words" || err == nil {
		t.Errorf("%q and %v came", got, err)
	}
}

// A link that is closed still says what its streams have said.
func TestCloseOfALinkFlushes(t *testing.T) {
	for range 50 {
		p := newPair(t)
		one, other := p.open()
		if _, err := one.Conn().Write([]byte("my last words")); err != nil {
			t.Fatal(err)
		}
		one.Close(false)
		p.dialling.Close()
		if got, err := io.ReadAll(other.Conn()); string(got) != "my last words" || err != nil {
			t.Fatalf("%q and %v came", got, err)
		}
		p.close()
	}
}

func TestErrorsOfAConn(t *testing.T) {
	p := newPair(t)
	one, other := p.open()
	nc := one.Conn()
	if err := nc.SetDeadline(ws.LongAgo); err != nil {
		t.Fatal(err)
	}
	if n, err := nc.Write([]byte("x")); n != 0 || !ws.IsDeadline(err) {
		t.Errorf("a write after the deadline: %d, %v", n, err)
	}
	if n, err := nc.Read(make([]byte, 1)); n != 0 || !ws.IsDeadline(err) {
		t.Errorf("a read after the deadline: %d, %v", n, err)
	}
	var timeout net.Error
	if _, err := nc.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("%v is no timeout to package net", err)
	}
	if err := nc.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	stuck := make(chan error, 1)
	go func() {
		_, err := nc.Write(make([]byte, 2*Window))
		stuck <- err
	}()
	until(t, "the window is used up", func() bool { return other.held() == Window })
	_ = nc.Close()
	if err := <-stuck; !errors.Is(err, net.ErrClosed) {
		t.Errorf("a write ends with %v when the stream is closed", err)
	}
	if _, err := nc.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a write after Close: %v", err)
	}
	if _, err := nc.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a read after Close: %v", err)
	}
}
