package gateway

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/internal/ws/wstest"
	"github.com/symphony-rtc/symphony/protocol"
)

// heard is a message or control frame.
type heard struct {
	op      byte
	payload string
}

// readChunked gives a stream to a reader in pieces whose sizes next returns, the way a socket does: some wakeups find
// several pieces, after the others the reader is parked. Each message's header room is overwritten, as rooms do.
func readChunked(t testing.TB, stream []byte, limit int, next func() int) (got []heard, code protocol.CloseCode) {
	t.Helper()
	r := reader{limit: limit}
	defer r.release()
	for received := 0; ; {
		for {
			op, ok, err := r.next()
			if err != nil {
				var why *protocol.CloseError
				if !errors.As(err, &why) {
					t.Fatalf("error %v is no CloseError", err)
				}
				return got, why.Code
			}
			if !ok {
				break
			}
			if op == opBinary {
				if r.payload < protocol.HeaderRoom {
					t.Fatalf("message at %d leaves no room for a header", r.payload)
				}
				f := r.message()
				payload := string(f.Payload())
				if framed := f.Bytes(); string(framed[len(framed)-len(payload):]) != payload {
					t.Fatalf("the header overwrote the message")
				}
				got = append(got, heard{op, payload})
			} else {
				got = append(got, heard{op, string(r.control())})
			}
		}
		if received == len(stream) {
			return got, 0
		}
		size := next()
		if size%3 == 0 {
			r.Park()
		}
		space := r.Space()
		if len(space) == 0 {
			t.Fatal("no space to read into")
		}
		if bound := max(readSize, 4*received+4*minRead); len(r.buf.B) > bound {
			t.Fatalf("a buffer of %d bytes for %d bytes received", len(r.buf.B), received)
		}
		n := copy(space[:min(len(space), max(size, 1))], stream[received:])
		r.Filled(n)
		received += n
	}
}

// readPlainly takes the stream apart in the simplest way there is. It is what the reader is compared with.
func readPlainly(stream []byte, limit int) (got []heard, code protocol.CloseCode) {
	var message []byte
	started := false
	for {
		if len(stream) < 2 {
			return got, 0
		}
		final, reserved, op := stream[0]&0x80 != 0, stream[0]&0x70, stream[0]&0x0f
		masked, size := stream[1]&0x80 != 0, uint64(stream[1]&0x7f)
		switch {
		case reserved != 0, !masked, op > 2 && op < 8, op > 10, op >= 8 && (!final || size > 125):
			return got, closeProtocol
		case op == opText:
			return got, protocol.CloseBadMessage
		case (op == opContinuation) != started && op < 8:
			return got, closeProtocol
		}
		at := 2
		if size == 126 {
			if len(stream) < 8 {
				return got, 0
			}
			size = uint64(binary.BigEndian.Uint16(stream[2:]))
			if size < 126 {
				return got, closeProtocol
			}
			at = 4
		} else if size == 127 {
			if len(stream) < 14 {
				return got, 0
			}
			size = binary.BigEndian.Uint64(stream[2:])
			if size < 65536 || size > 1<<63-1 {
				return got, closeProtocol
			}
			at = 10
		}
		if op < 8 && uint64(len(message))+size > uint64(limit) {
			return got, protocol.CloseTooLarge
		}
		if uint64(len(stream)) < uint64(at)+4+size {
			return got, 0
		}
		mask, payload := stream[at:at+4], slices.Clone(stream[at+4:][:size])
		for i := range payload {
			payload[i] ^= mask[i&3]
		}
		stream = stream[at+4+int(size):]
		if op >= 8 {
			got = append(got, heard{op, string(payload)})
			continue
		}
		message, started = append(message, payload...), true
		if final {
			got = append(got, heard{opBinary, string(message)})
			message, started = nil, false
		}
	}
}

func compareReaders(t testing.TB, stream []byte, limit int, next func() int) {
	t.Helper()
	want, wantCode := readPlainly(stream, limit)
	got, gotCode := readChunked(t, slices.Clone(stream), limit, next)
	if gotCode != wantCode || !slices.Equal(got, want) {
		t.Fatalf("read %d messages and code %d, want %d and code %d", len(got), gotCode, len(want), wantCode)
	}
}

// framesFrom makes a mostly well-formed stream out of arbitrary bytes, so that a fuzzer gets past the first frame.
func framesFrom(script []byte) (stream []byte) {
	started := false
	for len(script) >= 3 && len(stream) < 300_000 {
		what, size := script[0], int(script[1])|int(script[2])<<8
		script = script[3:]
		if what&0x10 != 0 {
			size &= 0xff // small ones are what is usual
		}
		payload := bytes.Repeat([]byte{byte(size), what, byte(len(stream))}, size/3+1)[:size]
		switch what & 7 {
		case 0:
			stream = wstest.AppendFrame(stream, opPing, true, payload[:size&0x7f%126])
		case 1:
			stream = wstest.AppendFrame(stream, opPong, true, nil)
		case 2: // whatever follows in the script, raw
			n := min(len(script), size&0xf)
			stream, script = append(stream, script[:n]...), script[n:]
		default:
			op, final := byte(opBinary), what&0x20 != 0
			if started {
				op = opContinuation
			}
			stream, started = wstest.AppendFrame(stream, op, final, payload), !final
		}
	}
	return stream
}

func FuzzReader(f *testing.F) {
	f.Add(wstest.Frame(opBinary, true, []byte("hello")), []byte{1}, true)
	f.Add(append(wstest.Frame(opBinary, false, []byte("a")), wstest.Frame(opContinuation, true, make([]byte, 70000))...), []byte{255, 3, 1}, true)
	f.Add([]byte("\x03\xff\xff\x23\x00\x10\x00\x05\x00\x33\x7d\x00\x03\x00\x01\x23\x00\x00"), []byte{200, 7}, false)
	f.Add([]byte("\x23\xff\x7f\x02\x02\x00\x82\x80\x33\x01\x00"), []byte{}, false)
	f.Fuzz(func(t *testing.T, stream, chunks []byte, raw bool) {
		if !raw {
			stream = framesFrom(stream)
		}
		at := 0
		compareReaders(t, stream, 100_000, func() int {
			at++
			if len(chunks) == 0 {
				return 1 << 20
			}
			size := int(chunks[at%len(chunks)])
			return size * size / 4
		})
	})
}

func TestReaderFindsTheSameMessagesInAnyChunks(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		script := make([]byte, 3*(1+r.IntN(60)))
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		if seed%2 == 0 { // mostly without raw bytes, which tend to end the stream
			for i := 0; i < len(script); i += 3 {
				if script[i]&7 == 2 {
					script[i]++
				}
			}
		}
		most := 1 << r.IntN(18)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			compareReaders(t, framesFrom(script), 200_000, func() int { return 1 + r.IntN(most) })
		})
	}
}

// malformed is a client's stream for each rule that it can break, and the code that it is closed with.
var malformed = map[string]struct {
	stream []byte
	code   protocol.CloseCode
	reason string
}{
	"reserved bit 1":           {[]byte{0xc2, 0x80, 0, 0, 0, 0}, closeProtocol, "reserved bits"},
	"reserved bit 2":           {[]byte{0xa2, 0x80, 0, 0, 0, 0}, closeProtocol, "reserved bits"},
	"reserved bit 3":           {[]byte{0x92, 0x80, 0, 0, 0, 0}, closeProtocol, "reserved bits"},
	"reserved opcode 3":        {wstest.Frame(3, true, nil), closeProtocol, "opcode 3"},
	"reserved opcode 7":        {wstest.Frame(7, true, nil), closeProtocol, "opcode 7"},
	"reserved opcode 11":       {wstest.Frame(11, true, nil), closeProtocol, "opcode 11"},
	"reserved opcode 15":       {wstest.Frame(15, true, nil), closeProtocol, "opcode 15"},
	"no mask":                  {[]byte{0x82, 0x00}, closeProtocol, "masked"},
	"text":                     {wstest.Frame(opText, true, []byte("hi")), protocol.CloseBadMessage, "text"},
	"fragmented text":          {wstest.Frame(opText, false, []byte("hi")), protocol.CloseBadMessage, "text"},
	"fragmented ping":          {wstest.Frame(opPing, false, nil), closeProtocol, "fragmented"},
	"long ping":                {wstest.Frame(opPing, true, make([]byte, 126)), closeProtocol, "125"},
	"long close":               {wstest.Frame(opClose, true, make([]byte, 126)), closeProtocol, "125"},
	"continuation of nothing":  {wstest.Frame(opContinuation, true, nil), closeProtocol, "continuation"},
	"continuation after final": {append(wstest.Frame(opBinary, true, nil), wstest.Frame(opContinuation, true, nil)...), closeProtocol, "continuation"},
	"message within another":   {append(wstest.Frame(opBinary, false, nil), wstest.Frame(opBinary, true, nil)...), closeProtocol, "within"},
	"length 5 in 2 bytes":      {[]byte{0x82, 0xfe, 0, 5, 0, 0, 0, 0}, closeProtocol, "shortest"},
	"length 300 in 8 bytes":    {[]byte{0x82, 0xff, 0, 0, 0, 0, 0, 0, 1, 44, 0, 0, 0, 0}, closeProtocol, "shortest"},
	"length over 63 bits":      {[]byte{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, closeProtocol, "63 bits"},
	"too long":                 {wstest.Frame(opBinary, true, make([]byte, 1001))[:8], protocol.CloseTooLarge, "up to 1000"},
	"terabytes announced":      {[]byte{0x82, 0xff, 0, 0, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0}, protocol.CloseTooLarge, "up to 1000"},
	"too long in fragments":    {append(wstest.Frame(opBinary, false, make([]byte, 900)), wstest.Frame(opContinuation, false, make([]byte, 101))...), protocol.CloseTooLarge, "up to 1000"},
	"close with one byte":      {wstest.Frame(opClose, true, []byte{3}), closeProtocol, "one byte"},
	"close 999":                {wstest.Frame(opClose, true, []byte{3, 0xe7}), closeProtocol, "999"},
	"close 1005":               {wstest.Frame(opClose, true, []byte{3, 0xed}), closeProtocol, "1005"},
	"close 1006":               {wstest.Frame(opClose, true, []byte{3, 0xee}), closeProtocol, "1006"},
	"close 2999":               {wstest.Frame(opClose, true, []byte{0x0b, 0xb7}), closeProtocol, "2999"},
	"close 5000":               {wstest.Frame(opClose, true, []byte{0x13, 0x88}), closeProtocol, "5000"},
	"close reason not UTF-8":   {wstest.Frame(opClose, true, []byte{3, 0xe8, 0xff}), closeInvalidText, "UTF-8"},
}

// Whoever breaks a rule is told which, and nobody else notices.
func TestC_BINARY_C_SIZE_malformedFrames(t *testing.T) {
	host := &relayHost{}
	g, addr := serve(t, host, Options{MaxMessage: 1000})
	one, other := dial(t, addr, "r"), dial(t, addr, "r")
	eventually(t, "both joined", func() bool { return len(host.members("r")) == 2 })
	for name, c := range malformed {
		t.Run(name, func(t *testing.T) {
			bad := dial(t, addr, "r")
			bad.write(c.stream)
			code, reason := bad.closed()
			if code != c.code || !strings.Contains(reason, c.reason) {
				t.Errorf("closed with %d %q, want %d %q", code, reason, c.code, c.reason)
			}
		})
	}
	eventually(t, "the bad ones left", func() bool { return len(host.members("r")) == 2 })
	one.send([]byte("still here"))
	// "continuation after final" is the one case with a correct message first, and it is empty.
	got := other.message()
	if len(got) == 0 {
		got = other.message()
	}
	if string(got) != "still here" {
		t.Errorf("got %q", got)
	}
	eventually(t, "all are counted", func() bool {
		total := uint64(0)
		for _, n := range g.Stats().Closed {
			total += n
		}
		return total == uint64(len(malformed))
	})
}
