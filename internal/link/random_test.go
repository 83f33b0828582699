package link

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

var (
	seeds = flag.Int("seeds", 300, "how many random links are tested")
	from  = flag.Int("seed", 0, "the first of them")
)

// TestRandom has both sides of random streams do random things, and compares what comes with what was sent.
func TestRandom(t *testing.T) {
	n := *seeds
	if testing.Short() {
		n = min(n, 200)
	}
	for seed := *from; seed < *from+n; seed++ {
		randomLink(t, seed)
		if t.Failed() {
			t.Fatalf("go test ./internal/link -run TestRandom -seeds 1 -seed %d", seed)
		}
	}
}

func randomLink(t *testing.T, seed int) {
	r := rand.New(rand.NewPCG(uint64(seed), 0))
	p := newPair(t)
	defer p.close()
	var work sync.WaitGroup
	var peers []*peer
	for i := range 1 + r.IntN(8) {
		one, other := p.open()
		a, b := newPeer(r, one, fmt.Sprintf("stream %d, dialled", i)), newPeer(r, other, fmt.Sprintf("stream %d, taken", i))
		a.other, b.other = b, a
		peers = append(peers, a, b)
		for _, side := range []*peer{a, b} {
			work.Go(func() { side.run(t) })
		}
	}
	within(t, fmt.Sprintf("seed %d", seed), work.Wait)
	for _, side := range peers {
		if side.atEnd && side.got != side.other.sent {
			t.Errorf("%s: %d bytes came before the end, and %d were sent", side.name, side.got, side.other.sent)
		}
	}
	until(t, "no streams are left", func() bool { return p.dialling.Streams()+p.taking.Streams() == 0 })
	for _, l := range []*Link{p.dialling, p.taking} {
		l.mu.Lock()
		if l.err != nil {
			t.Errorf("seed %d: the link ended: %v", seed, l.err)
		}
		l.mu.Unlock()
	}
}

// How a side ends what it sends.
const (
	endWrite = iota // with CloseWrite; it closes when the other side has ended too
	endClose        // with Close(false)
	endReset        // with Close(true)
	endCount
)

// A peer is one side of a stream, and the model of what it does.
type peer struct {
	name   string
	s      *Stream
	other  *peer
	sends  []byte
	pieces []int // sizes of its writes
	spaces []int // sizes of its reads, over and over
	pauses int   // now and then it lets others run
	ends   int   // how
	reads  int   // it closes after so many bytes, if they come

	closed atomic.Bool // it has called Close, or will at once
	reset  atomic.Bool // the same with reset
	sent   int         // bytes that the stream has taken
	got    int         // bytes that came
	atEnd  bool        // and then the end
}

func newPeer(r *rand.Rand, s *Stream, name string) *peer {
	p := &peer{name: name, s: s, pauses: 1 + r.IntN(10), ends: endWrite, reads: 1 << 30}
	if r.IntN(3) == 0 {
		p.ends = r.IntN(endCount)
	}
	if r.IntN(6) == 0 {
		p.reads = r.IntN(1 << 17)
	}
	size := r.IntN(1 << r.IntN(20))
	p.sends = make([]byte, size)
	for i := 0; i+8 <= size; i += 8 {
		for j, v := 0, r.Uint64(); j < 8; j, v = j+1, v>>8 {
			p.sends[i+j] = byte(v)
		}
	}
	for left := size; left > 0; {
		n := min(left, 1+r.IntN(1<<r.IntN(19)))
		p.pieces = append(p.pieces, n)
		left -= n
	}
	for range 4 {
		p.spaces = append(p.spaces, 1+r.IntN(1<<r.IntN(17)))
	}
	return p
}

func (p *peer) close(reset bool) {
	p.closed.Store(true)
	if reset {
		p.reset.Store(true)
	}
	p.s.Close(reset)
}

func (p *peer) run(t *testing.T) {
	var work sync.WaitGroup
	work.Go(func() { p.write(t) })
	p.read(t)
	work.Wait()
	p.close(false)
}

func (p *peer) write(t *testing.T) {
	rest := p.sends
	for i, n := range p.pieces {
		if i%p.pauses == 0 {
			runtime.Gosched()
		}
		done, err := p.s.Conn().Write(rest[:n])
		p.sent += done
		rest = rest[done:]
		switch {
		case err == nil && done == n:
			continue
		case p.closed.Load() && errors.Is(err, net.ErrClosed):
		case p.other.closed.Load() && errors.Is(err, syscall.EPIPE):
		default:
			t.Errorf("%s: %d of %d bytes were written: %v", p.name, done, n, err)
		}
		return
	}
	switch p.ends {
	case endWrite:
		p.s.CloseWrite()
	default:
		p.close(p.ends == endReset)
	}
}

func (p *peer) read(t *testing.T) {
	for i := 0; ; i++ {
		got := p.got
		if got >= p.reads {
			p.close(i%2 == 0)
			return
		}
		if i%p.pauses == 0 {
			runtime.Gosched()
		}
		in := &pieceIntake{p: make([]byte, p.spaces[i%len(p.spaces)])}
		err := p.s.Read(in)
		if err == nil {
			if in.n == 0 || got+in.n > len(p.other.sends) || !bytes.Equal(in.p[:in.n], p.other.sends[got:got+in.n]) {
				t.Errorf("%s: after %d bytes came %d that were not sent", p.name, got, in.n)
				p.close(true)
				return
			}
			p.got += in.n
			continue
		}
		p.ended(t, err)
		return
	}
}

// ended checks how what the peer reads has ended.
func (p *peer) ended(t *testing.T, err error) {
	o := p.other
	p.atEnd = err == io.EOF
	switch {
	case p.closed.Load() && errors.Is(err, net.ErrClosed):
	case p.atEnd && (o.closed.Load() || o.ends == endWrite && p.got == len(o.sends)):
	case o.reset.Load() && errors.Is(err, syscall.ECONNRESET):
	default:
		t.Errorf("%s: after %d bytes: %v", p.name, p.got, err)
	}
}
