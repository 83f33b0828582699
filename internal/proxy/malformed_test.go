package proxy

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/internal/ws/wstest"
)

// What is wrong with a client's frames its host says, through the proxy with the same code as without it, and nobody else in the room
// notices. A client that sends its frames with the handshake is as good as any other.
func TestMalformedFrames(t *testing.T) {
	w := newWorld(t)
	host := w.host(10)
	d := w.proxy(Options{}, nil)
	others := w.crowd(2, "r", d)
	whole := func(op byte, payload []byte) []byte { return wstest.Frame(op, true, payload) }
	change := func(frame []byte, f func(b []byte)) []byte { f(frame); return frame }
	for name, sent := range map[string][]byte{
		"a reserved bit":            change(whole(ws.OpBinary, stepOne), func(b []byte) { b[0] |= 0x40 }),
		"a reserved opcode":         whole(5, stepOne),
		"a reserved control frame":  whole(0xc, nil),
		"no mask":                   framed(stepOne),
		"text":                      whole(ws.OpText, []byte("hello")),
		"nothing":                   whole(ws.OpBinary, nil),
		"nothing, in fragments":     append(wstest.Frame(ws.OpBinary, false, nil), whole(ws.OpContinuation, nil)...),
		"an unknown message":        whole(ws.OpBinary, []byte{77}),
		"a message that breaks off": whole(ws.OpBinary, []byte{0, 2, 9, 1}),
		"a malformed update":        whole(ws.OpBinary, []byte{0, 2, 2, 0xff, 0xff}),
		"a continuation":            whole(ws.OpContinuation, stepOne),
		"a message in another":      append(wstest.Frame(ws.OpBinary, false, stepOne), whole(ws.OpBinary, stepOne)...),
		"a ping in fragments":       wstest.Frame(ws.OpPing, false, []byte("x")),
		"a long ping":               whole(ws.OpPing, make([]byte, 126)),
		"a very long ping":          whole(ws.OpPing, make([]byte, 70_000)),
		"a long close frame":        whole(ws.OpClose, append([]byte{0x0f, 0xa0}, make([]byte, 200)...)),
		"a close code of one byte":  whole(ws.OpClose, []byte{3}),
		"a close code of no one":    whole(ws.OpClose, []byte{3, 238}),
		"a reason that is no text":  whole(ws.OpClose, []byte{3, 232, 0xff}),
		"no close code":             whole(ws.OpClose, nil),
		"a length beyond all":       append([]byte{0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, make([]byte, 100)...),
		"a length over the limit":   append([]byte{0x82, 0xff, 0, 0, 0, 0, 0x10, 0, 0, 0, 1, 2, 3, 4}, make([]byte, 100)...),
		"a long form of a length":   {0x82, 0xfe, 0, 4, 0, 0, 0, 0, 0, 0, 1, 0},
		"a longer one":              {0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 1, 0},
		"after a right one":         append(whole(ws.OpBinary, stepOne), whole(ws.OpText, []byte("hello"))...),
		"after much that is right":  append(bytes.Repeat(whole(ws.OpBinary, stepOne), 500), whole(ws.OpText, []byte("hello"))...),
	} {
		t.Run(name, func(t *testing.T) {
			var said [2]string
			for i, addr := range []string{host.ln.Addr().String(), d.addr} {
				nc, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				defer nc.Close()
				_ = nc.SetDeadline(time.Now().Add(patience))
				if _, err := nc.Write(append(wstest.Handshake("/rooms/r"), sent...)); err != nil {
					t.Fatal(err)
				}
				s := &socket{t: t, nc: nc, r: bufio.NewReader(nc)}
				if answer, err := http.ReadResponse(s.r, nil); err != nil || answer.StatusCode != 101 {
					t.Fatal(answer, err)
				}
				for {
					op, payload, err := s.frame()
					if err != nil {
						t.Fatalf("no close frame: %v", err)
					}
					if op == ws.OpClose {
						said[i] = string(payload)
						break
					}
				}
				if rest, _ := io.ReadAll(s.r); len(rest) > 0 {
					t.Errorf("after the close frame came % x", rest)
				}
			}
			if said[0] != said[1] {
				t.Errorf("the host says % x %q, through the proxy % x %q", said[0], tail(said[0]), said[1], tail(said[1]))
			}
		})
	}
	for _, g := range others {
		g.do(func(p *person) { p.write(-1) })
	}
	w.converged(others...)
}

func tail(s string) string { return strings.ToValidUTF8(s[min(2, len(s)):], "?") }
