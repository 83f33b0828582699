package network

import (
	"container/heap"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"time"
)

// Wire is what joins a machine to the switch if it shall have the faults of a long or a bad one. Kernels that tests run on need not be
// able to do that (netem): both ends are TAP devices, and this process carries every packet from one to the other. Its methods
// may be called from any goroutine.
type Wire struct {
	fail func(format string, args ...any)
	out  direction // away from the machine
	in   direction

	mu    sync.Mutex
	all   Conditions
	peers map[netip.Addr]Conditions // other conditions for packets from and to some addresses

	done chan struct{}
	wg   sync.WaitGroup
}

// direction is one of the two of a wire.
type direction struct {
	from, to *os.File
	peer     int // where in an IPv4 header the address of the other machine is
	seed     [2]uint64
	wake     chan struct{} // has something when underway has got a new first one

	mu       sync.Mutex // may be locked while that of the wire is not
	lines    map[netip.Addr]*line
	underway underway
	sent     int
	counts   Counts
}

// The places of the two addresses in the header of an IPv4 packet.
const (
	atSource      = 12
	atDestination = 16
)

// startWire carries packets between the two devices, which it closes when it is stopped. The seed decides what befalls them.
func startWire(machine, port *os.File, seed int, fail func(format string, args ...any)) *Wire {
	w := &Wire{fail: fail, peers: map[netip.Addr]Conditions{}, done: make(chan struct{})}
	w.out = direction{from: machine, to: port, peer: atDestination, seed: [2]uint64{uint64(seed), 0}}
	w.in = direction{from: port, to: machine, peer: atSource, seed: [2]uint64{uint64(seed), 1}}
	for _, d := range []*direction{&w.out, &w.in} {
		d.lines, d.wake = map[netip.Addr]*line{}, make(chan struct{}, 1)
		w.wg.Go(func() { w.take(d) })
		w.wg.Go(func() { w.deliver(d) })
	}
	return w
}

// stop ends the wire. Packets that are under way vanish.
func (w *Wire) stop() {
	close(w.done)
	w.out.from.Close()
	w.in.from.Close()
	w.wg.Wait()
}

// Set has the wire do so with what is sent from now on, from and to the given machines, or all if none is given. What is under way
// goes on as it was, and is not overtaken although Delay becomes less.
func (w *Wire) Set(c Conditions, peers ...*Machine) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(peers) == 0 {
		w.all = c
		clear(w.peers)
	}
	for _, m := range peers {
		w.peers[netip.MustParseAddr(m.IP)] = c
	}
}

// Out counts the IPv4 packets that the machine sent, and In those to it.
func (w *Wire) Out() Counts { return w.out.count() }

// In counts the IPv4 packets to the machine.
func (w *Wire) In() Counts { return w.in.count() }

func (d *direction) count() Counts {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.counts
}

// take takes what is sent until the wire is stopped.
func (w *Wire) take(d *direction) {
	buf := make([]byte, 1<<16)
	for {
		n, err := d.from.Read(buf)
		if err != nil {
			w.failed("reading", err)
			return
		}
		d.send(w, append([]byte(nil), buf[:n]...), time.Now())
	}
}

// send puts a frame on its way, or not.
func (d *direction) send(w *Wire, frame []byte, now time.Time) {
	peer, ok := d.peerOf(frame)
	arrivals := []time.Time{now} // ARP and IGMP are not what is tested, and machines that far from each other would need none
	w.mu.Lock()
	c, special := w.peers[peer]
	if !special {
		c = w.all
	}
	w.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if ok {
		l := d.lines[peer]
		if l == nil {
			hash := fnv.New64a()
			hash.Write(peer.AsSlice()[3:]) // the number of the network, before it, depends on what else runs
			l = &line{r: rand.New(rand.NewPCG(d.seed[0], d.seed[1]^hash.Sum64()))}
			d.lines[peer] = l
		}
		var what Counts
		arrivals, what = l.fate(c, now, len(frame))
		d.counts.add(what)
	}
	for _, at := range arrivals {
		d.sent++
		p := &packet{arrives: at, number: d.sent, frame: frame}
		heap.Push(&d.underway, p)
		if d.underway[0] == p {
			select {
			case d.wake <- struct{}{}:
			default:
			}
		}
	}
}

// peerOf is the address of the other machine, if the frame is an IPv4 packet to one machine.
func (d *direction) peerOf(frame []byte) (netip.Addr, bool) {
	const header, toMany, ipv4 = 14, 1, 0x0800
	if len(frame) < header+20 || frame[0]&toMany != 0 || binary.BigEndian.Uint16(frame[12:]) != ipv4 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte(frame[header+d.peer:])), true
}

// deliver passes on what has arrived until the wire is stopped.
func (w *Wire) deliver(d *direction) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		frame, wait := d.next(time.Now())
		if frame != nil {
			if _, err := d.to.Write(frame); err != nil {
				w.failed("writing", err)
				return
			}
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-d.wake:
		case <-w.done:
			return
		}
	}
}

// next is what has arrived first, or how long to wait until something may have.
func (d *direction) next(now time.Time) (frame []byte, wait time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.underway) == 0 {
		return nil, time.Hour
	}
	if wait := d.underway[0].arrives.Sub(now); wait > 0 {
		return nil, wait
	}
	p := heap.Pop(&d.underway).(*packet)
	if _, ok := d.peerOf(p.frame); ok {
		d.counts.Arrived++
	}
	return p.frame, 0
}

// failed tells of what went wrong, unless that is that the wire is stopped.
func (w *Wire) failed(doing string, err error) {
	select {
	case <-w.done:
	default:
		if !errors.Is(err, os.ErrClosed) && !errors.Is(err, io.EOF) {
			w.fail("a wire: %s: %v", doing, err)
		}
	}
}
