package proxy

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/symphony-rtc/symphony/crdt/lib0"
	"github.com/symphony-rtc/symphony/protocol"
)

// dialogue is what a fuzzer makes of its bytes: messages of client and hosts, right or wrong, hosts that are lost, and bytes of the client
// that are no frames. Whatever it is, frames stay whole, the proxy's own messages are right, and what it keeps is bounded.
type dialogue struct {
	t        *testing.T
	rng      *rand.Rand
	wire     *wire
	symphony bool
	sent     [][]byte // messages of the client that no host has got
	updates  uint64   // among all that it ever sent
	received uint64   // updates that this host has got
	durable  uint64   // the last count that the client was told
	lying    bool     // a host has said what no host says, so the counts prove nothing
	wild     bool     // the client has sent what is no frame
}

func FuzzDialogue(f *testing.F) {
	f.Add([]byte{4, 0, 4, 1, 5, 0, 5, 1, 6, 4, 0, 4, 1, 5, 2, 4, 3, 6, 4, 1, 5, 2, 4, 3}, uint64(1))
	f.Add([]byte{5, 1, 0, 3, 0, 0, 0, 6, 2, 4, 0, 1, 2, 0, 0, 6, 7, 5, 0x82, 0xff, 0xff, 0, 0}, uint64(2))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		d := &dialogue{t: t, rng: rand.New(rand.NewPCG(seed, 9)), symphony: seed%2 == 0}
		d.begin()
		defer func() { d.wire.release() }()
		for len(data) > 1 {
			op, arg := data[0], data[1]
			data = data[2:]
			n := min(int(arg), len(data))
			if op%8 == 4 || op%8 == 5 || op%8 == 6 {
				n = 0
			}
			d.step(op%8, arg, data[:n])
			data = data[n:]
			d.check()
		}
	})
}

// begin is a client that connects.
func (d *dialogue) begin() {
	if d.wire != nil {
		d.wire.release()
	}
	d.wire = newWire(d.symphony)
	d.sent, d.updates, d.durable, d.wild, d.lying = nil, 0, 0, false, false
	d.connect()
}

func (d *dialogue) connect() {
	d.received = 0
	sizes := []int{0, 1, 20, 100}
	if err := d.wire.connect(); err != nil {
		d.t.Fatal(err)
	}
	d.wire.gather(sizes[d.rng.IntN(4)], sizes[d.rng.IntN(4)])
}

func (d *dialogue) step(op, arg byte, payload []byte) {
	switch op {
	case 0, 1:
		d.client(payload)
	case 2, 3:
		d.lying = d.lying || len(payload) > 0 && protocol.Type(payload[0]) == protocol.TypeDurable
		d.fromHost(payload)
	case 4:
		d.fromHost(d.hostSays(arg))
	case 5:
		d.client(d.clientSays(arg))
	case 6:
		if !d.wire.lose() {
			d.begin()
			return
		}
		d.connect()
	case 7:
		d.wild = true
		d.feed(payload)
	}
}

func (d *dialogue) hostSays(arg byte) []byte {
	switch arg % 6 {
	case 0:
		return protocol.Hello{Connection: "c", Generation: 1, ReadOnly: arg&0x80 != 0}.Frame().Payload()
	case 1:
		return syncMessage(protocol.SyncStep1, lib0.AppendUvarint(lib0.AppendUvarint([]byte{1}, uint64(arg)), 5))
	case 2:
		return syncMessage(protocol.SyncStep2, []byte{0, 0})
	case 3:
		return lib0.AppendUvarint([]byte{byte(protocol.TypeDurable)}, d.received)
	case 4:
		return protocol.StorageFrame(protocol.StorageState(arg%3), "").Payload()
	default:
		return protocol.InitialFrame(arg&1 != 0).Payload()
	}
}

func (d *dialogue) clientSays(arg byte) []byte {
	switch arg % 5 {
	case 0:
		return syncMessage(protocol.SyncStep1, []byte{0})
	case 1:
		return syncMessage(protocol.SyncUpdate, []byte{0, 0})
	case 2:
		return syncMessage(protocol.SyncStep2, []byte{0, 0})
	case 3:
		return protocol.AwarenessFrame(awarenessOf(7, uint64(arg), `{}`)).Payload()
	default:
		return lib0.AppendBytes([]byte{byte(protocol.TypeInitial)}, []byte{0, 0})
	}
}

// client has the client send a message.
func (d *dialogue) client(payload []byte) {
	if m, _ := parseHead(payload); m.isUpdate() {
		d.updates++
	}
	d.sent = append(d.sent, payload)
	d.feed(clientBytes(d.rng, payload))
}

func (d *dialogue) feed(b []byte) {
	for len(b) > 0 {
		n := min(1+d.rng.IntN(30), len(b))
		err := d.wire.fromClient(b[:n])
		b = b[n:]
		switch {
		case errors.As(err, &errEnded{}):
			d.begin()
			return
		case err != nil && !d.wild:
			d.t.Fatal(err)
		case err != nil: // as wrong as what the client sent; the host would close the connection
			d.begin()
			return
		}
	}
}

func (d *dialogue) fromHost(payload []byte) {
	for b := framed(payload); len(b) > 0; {
		n := min(1+d.rng.IntN(30), len(b))
		err := d.wire.fromHost(b[:n])
		b = b[n:]
		switch {
		case errors.As(err, &errEnded{}):
			d.begin()
			return
		case err != nil:
			d.t.Fatal(err)
		}
	}
}

// check looks at what came out, and at what is kept.
func (d *dialogue) check() {
	for _, payload := range d.wire.toHost.take() {
		m, _ := parseHead(payload)
		if m.isUpdate() {
			d.received++
		}
		i := slices.IndexFunc(d.sent, func(sent []byte) bool { return bytes.Equal(sent, payload) })
		if i >= 0 {
			d.sent = d.sent[i+1:] // in their order
			continue
		}
		if own, err := protocol.Parse(payload); !d.wild && (err != nil || own.Type == protocol.TypeSync && own.Step != protocol.SyncStep1) {
			d.t.Fatalf("the host got % x, which the client did not send (%v)", payload, err)
		}
	}
	for _, payload := range d.wire.toClient.take() {
		if m, _ := parseHead(payload); m.typ == protocol.TypeDurable && !d.lying && !d.wild {
			n, _, _ := readVarUint(payload, 1)
			if n < d.durable || n > d.updates {
				d.t.Fatalf("the client is told that %d of %d updates are durable, after %d", n, d.updates, d.durable)
			}
			d.durable = n
		}
	}
	s := &d.wire.conn.session
	if len(s.asks) > maxAsks || len(s.onHost.expect) > maxAsks+1 || len(s.vector) > maxVector || len(s.onHost.vector) > maxVector || len(s.presence) > maxPresence {
		d.t.Fatalf("too much is kept: %d questions, %d answers, vectors of %d and %d bytes, presence of %d",
			len(s.asks), len(s.onHost.expect), len(s.vector), len(s.onHost.vector), len(s.presence))
	}
	if h := &s.onHost; h.deferred > len(s.asks) || h.due < 0 || s.stale < 0 || h.base > s.sent {
		d.t.Fatalf("a session that cannot be: %+v", s)
	}
}
