package proxy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/internal/ws/wstest"
	"github.com/symphony-rtc/symphony/protocol"
)

// takeApart gives bytes to a stream in pieces as a socket does, and checks that what it returns is what came, and where frames
// begin and end. Every third piece or so is dropped or replaced in the batch that is written, as sessions do.
func takeApart(t *testing.T, data []byte, next func() int) {
	var s stream
	var out batch
	defer out.reset()
	var got, wanted []byte
	var frames []string
	pieces := 0
	for received := 0; ; {
		for {
			p, ok := s.next()
			if !ok {
				break
			}
			pieces++
			wire := s.buf.B[p.at:p.to]
			if p.begin {
				frames = append(frames, "")
			}
			plain := bytes.Clone(p.payload)
			if p.masked && p.begin && p.end {
				ws.Unmask(plain, p.key)
				var head [maxHead]byte
				if h := unmasked(head[:], p.payload, p.key); !bytes.Equal(h, plain[:len(h)]) {
					t.Fatalf("head % x of % x", h, plain)
				}
			}
			frames[len(frames)-1] += fmt.Sprint(p.op, p.fin, len(p.payload), p.end, " ")
			switch next() % 4 {
			case 0: // swallowed
			case 1: // replaced
				out.add(&s, []byte("instead"))
				wanted = append(wanted, "instead"...)
			default:
				out.pass(&s, &p)
				wanted = append(wanted, wire...)
			}
		}
		got = append(got, out.bytes(&s)...)
		out.reset()
		if received == len(data) {
			break
		}
		size := next()
		if size%3 == 0 {
			s.Park()
		}
		space := s.Space()
		if len(space) == 0 {
			t.Fatal("no space to read into")
		}
		if len(s.buf.B) > max(readSize, 4*received+4*minRead) {
			t.Fatalf("a buffer of %d bytes for %d received", len(s.buf.B), received)
		}
		n := copy(space[:min(len(space), max(size, 1))], data[received:])
		s.Filled(n)
		received += n
	}
	if !bytes.Equal(got, wanted) {
		t.Fatalf("%d bytes were passed on, want %d", len(got), len(wanted))
	}
	s.release()
}

func TestStreamInAnyChunks(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 5))
		var data []byte
		for range 1 + rng.IntN(20) {
			sizes := []int{0, 1, 5, 125, 126, 127, 1000, 65535, 65536, 70_000}
			if rng.IntN(8) == 0 {
				sizes = []int{maxGather - 1, maxGather, maxGather + 1, maxGather + 100_000}
			}
			payload := make([]byte, sizes[rng.IntN(len(sizes))])
			for i := range payload {
				payload[i] = byte(rng.Uint32())
			}
			if rng.IntN(2) == 0 {
				data = append(data, wstest.Frame(ws.OpBinary, rng.IntN(5) > 0, payload)...)
			} else {
				data = append(data, framed(payload)...)
			}
		}
		takeApart(t, data, func() int { return rng.IntN(30_000) })
	}
}

func FuzzStream(f *testing.F) {
	f.Add(wstest.Frame(ws.OpBinary, true, []byte("hello")), uint64(1))
	f.Add(binary.BigEndian.AppendUint64([]byte{0x82, 0xff}, 1<<62), uint64(2))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 5))
		takeApart(t, data, func() int { return rng.IntN(40) })
	})
}

func TestMasked(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 65535, 65536} {
		payload := bytes.Repeat([]byte{7}, size)
		frame := masked(framed(payload))
		got := payloadsOf(t, [][]byte{frame})
		if len(got) != 1 || !bytes.Equal(got[0], payload) || frame[1]&0x80 == 0 {
			t.Errorf("%d bytes: % x", size, frame[:min(len(frame), 20)])
		}
	}
}

func TestMergeVectors(t *testing.T) {
	for _, c := range []struct{ a, b, want []byte }{
		{nil, nil, []byte{0}},
		{nil, []byte{0}, []byte{0}},
		{[]byte{1, 5, 7}, []byte{2, 5, 6, 9, 1}, []byte{2, 5, 7, 9, 1}},
		{[]byte{1, 5, 7}, []byte{1, 5, 0x80, 1}, []byte{1, 5, 0x80, 1}},
		{[]byte{3, 5, 7}, []byte{0}, []byte{1, 5, 7}}, // malformed: what can be read of it
	} {
		if got := mergeVectors(c.a, c.b); !bytes.Equal(got, c.want) {
			t.Errorf("% x and % x: % x, want % x", c.a, c.b, got, c.want)
		}
	}
	long := []byte{0x88, 0x27} // 5,000
	for i := range 5000 {
		long = append(long, byte(i)|0x80, byte(i>>7)|0x80, 1, 5)
	}
	if got := mergeVectors(long, nil); !bytes.Equal(got, emptyVector) {
		t.Errorf("a vector that is too long became %d bytes", len(got))
	}
	if got := mergeVectors([]byte{1, 5, 7}, long); !bytes.Equal(got, []byte{1, 5, 7}) {
		t.Errorf("beside a vector that is too long the other became % x", got)
	}
}

func TestOwnEntry(t *testing.T) {
	one, two := awarenessOf(5, 1, `{"a":1}`), append([]byte{2}, append(awarenessOf(5, 2, `{}`)[1:], awarenessOf(6, 3, `null`)[1:]...)...)
	if entry, client, gone, found := ownEntry(one, 0, false); !found || gone || client != 5 || !bytes.Equal(entry, one[1:]) {
		t.Errorf("the first: % x of %d, %v, %v", entry, client, gone, found)
	}
	if _, _, _, found := ownEntry(two, 0, false); found {
		t.Error("who passes on what others say is none of them")
	}
	if entry, _, gone, found := ownEntry(two, 6, true); !found || !gone || !bytes.Equal(entry, awarenessOf(6, 3, `null`)[1:]) {
		t.Errorf("among others: % x, %v, %v", entry, gone, found)
	}
	for _, bad := range [][]byte{{}, {1}, {1, 5}, {1, 5, 1}, {1, 5, 1, 9, 'x'}, {0xff}} {
		if _, _, _, found := ownEntry(bad, 5, true); found {
			t.Errorf("% x", bad)
		}
	}
}

// BenchmarkLook is what looking into messages costs, without any socket: of presence up, and of an update down.
func BenchmarkLook(b *testing.B) {
	c := &conn{}
	presence := protocol.AwarenessFrame(awarenessOf(5, 1, `{"cursor":{"x":12,"y":200},"name":"somebody","color":"#aabbcc","selection":[1,2,3,4,5,6]}`)).Payload()
	up, down := wstest.Frame(ws.OpBinary, true, presence), framed([]byte("\x00\x02\x28aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))
	for name, run := range map[string]func(){
		"presence up": func() {
			var out batch
			c.in.Filled(copy(c.in.Space(), up))
			if _, err := c.fromClient(nil, &out); err != nil {
				b.Fatal(err)
			}
			out.reset()
			c.in.Park()
		},
		"update down": func() {
			var out batch
			h := &hostConn{}
			h.in.Filled(copy(h.in.Space(), down))
			if _, _, err := c.fromHost(h, &out); err != nil {
				b.Fatal(err)
			}
			out.reset()
			h.in.Park()
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}
