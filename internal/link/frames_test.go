package link

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws"
)

// frames builds what the other side of a link sends.
type frames []byte

func (f frames) frame(kind byte, id uint32, payload string) frames {
	return append(f.header(kind, id, len(payload)), payload...)
}

func (f frames) header(kind byte, id uint32, length int) frames {
	return binary.LittleEndian.AppendUint64(f, header(kind, id, length))
}

func (f frames) window(id, n uint32) frames {
	return f.frame(kindWindow, id, string(binary.LittleEndian.AppendUint32(nil, n)))
}

// against returns a link of one side, with streams 1 and 2 open, and its connection's other end, which is the test's.
func against(t testing.TB, dialling bool) (l *Link, streams [2]*Stream, raw net.Conn) {
	t.Helper()
	nc, raw := wire(t)
	if dialling {
		l = newLink(nc, nil)
		l.start(new(intake))
		for i := range streams {
			s, err := l.Open()
			if err != nil {
				t.Fatal(err)
			}
			streams[i] = s
		}
	} else {
		taken := make(chan *Stream, 100)
		l = newLink(nc, func(s *Stream) { taken <- s })
		l.start(new(intake))
		send(t, raw, frames{}.frame(kindOpen, 1, "").frame(kindOpen, 2, ""))
		for i := range streams {
			streams[i] = <-taken
		}
	}
	t.Cleanup(l.Close)
	return l, streams, raw
}

func send(t testing.TB, nc net.Conn, p []byte) {
	t.Helper()
	if err := nc.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Write(p); err != nil {
		t.Fatal(err)
	}
}

func TestMalformedFramesEndTheLink(t *testing.T) {
	const dialling, taking = 1, 2
	full := strings.Repeat("x", Window)
	for _, c := range []struct {
		name  string
		sides int
		sent  frames
		why   string
	}{
		{"kind 0", dialling | taking, frames{}.frame(0, 1, ""), "kind 0"},
		{"kind 7", dialling | taking, frames{}.frame(7, 1, ""), "kind 7"},
		{"kind 255", dialling | taking, frames{}.frame(255, 1, ""), "kind 255"},
		{"kind 9 with a payload", dialling | taking, frames{}.frame(9, 1, "abc"), "kind 9 with 3 bytes"},
		{"open from the side that was dialled", dialling, frames{}.frame(kindOpen, 3, ""), "stream 3 cannot be opened"},
		{"open again", taking, frames{}.frame(kindOpen, 2, ""), "stream 2 cannot be opened"},
		{"open a lower number", taking, frames{}.frame(kindOpen, 9, "").frame(kindOpen, 8, ""), "stream 8 cannot be opened"},
		{"open number 0", taking, frames{}.frame(kindOpen, 0, ""), "stream 0 cannot be opened"},
		{"open with a payload", dialling | taking, frames{}.frame(kindOpen, 3, "x"), "kind 1 with 1 bytes"},
		{"data for number 0", dialling | taking, frames{}.frame(kindData, 0, "x"), "there was no stream 0"},
		{"data for nothing", dialling | taking, frames{}.frame(kindData, 3, "x"), "there was no stream 3"},
		{"a window for nothing", dialling | taking, frames{}.window(3, 1), "there was no stream 3"},
		{"an end of nothing", dialling | taking, frames{}.frame(kindEnd, 3, ""), "there was no stream 3"},
		{"a close of nothing", dialling | taking, frames{}.frame(kindClose, 1<<31, ""), "there was no stream 2147483648"},
		{"a reset of nothing", dialling | taking, frames{}.frame(kindReset, 3, ""), "there was no stream 3"},
		{"a frame over the window", dialling | taking, frames{}.frame(kindData, 1, full+"x"), "more data than stream 1 has room for"},
		{"frames over the window", dialling | taking, frames{}.frame(kindData, 2, full).frame(kindData, 2, "x"), "more data than stream 2 has room for"},
		{"the longest frame", dialling | taking, append(frames{}.header(kindData, 1, 1<<24-1), full+"x"...), "more data than stream 1 has room for"},
		{"a window over the window", dialling | taking, frames{}.window(1, 1), "stream 1 is offered more than its window"},
		{"the widest window", dialling | taking, frames{}.window(1, 1<<32-1), "stream 1 is offered more than its window"},
		{"a window of 3 bytes", dialling | taking, frames{}.frame(kindWindow, 1, "abc"), "kind 3 with 3 bytes"},
		{"a window of 5 bytes", dialling | taking, frames{}.frame(kindWindow, 1, "abcde"), "kind 3 with 5 bytes"},
		{"a window of nothing", dialling | taking, frames{}.frame(kindWindow, 1, ""), "kind 3 with 0 bytes"},
		{"an end with a payload", dialling | taking, frames{}.frame(kindEnd, 1, "x"), "kind 4 with 1 bytes"},
		{"a close with a payload", dialling | taking, frames{}.frame(kindClose, 1, "x"), "kind 5 with 1 bytes"},
		{"a reset with the longest payload", dialling | taking, frames{}.header(kindReset, 1, 1<<24-1), "kind 6 with 16777215 bytes"},
		{"data after the end", dialling | taking, frames{}.frame(kindEnd, 1, "").frame(kindData, 1, "x"), "data after the end of stream 1"},
		{"data after a reset", dialling | taking, frames{}.frame(kindReset, 1, "").frame(kindData, 1, "x"), "data after the end of stream 1"},
		{"two ends", dialling | taking, frames{}.frame(kindEnd, 1, "").frame(kindEnd, 1, ""), "the end of stream 1, which has ended"},
		{"an end after a close", dialling | taking, frames{}.frame(kindClose, 1, "").frame(kindEnd, 1, ""), "the end of stream 1, which has ended"},
		{"a close after a reset", dialling | taking, frames{}.frame(kindReset, 2, "").frame(kindClose, 2, ""), "the end of stream 2, which has ended"},
		{"the end within a header", dialling | taking, frames{}.frame(kindData, 1, "x")[:5], "the other side ended the link"},
		{"the end within a payload", dialling | taking, frames{}.frame(kindData, 1, "abc")[:headerSize+2], "the other side ended the link"},
	} {
		for _, side := range []int{dialling, taking} {
			if c.sides&side == 0 {
				continue
			}
			t.Run(c.name+map[int]string{dialling: ", to the dialling side", taking: ", to the taking side"}[side], func(t *testing.T) {
				l, streams, raw := against(t, side == dialling)
				send(t, raw, c.sent)
				if strings.HasPrefix(c.name, "the end within") {
					_ = raw.(*net.UnixConn).CloseWrite()
				}
				within(t, "the link", func() { <-l.Done() })
				if !strings.Contains(l.err.Error(), c.why) || errors.Is(l.err, errMalformed) == strings.HasPrefix(c.name, "the end within") {
					t.Errorf("the link ended with: %v", l.err)
				}
				within(t, "its streams", func() {
					for _, s := range streams {
						if _, err := io.ReadAll(s.Conn()); err == nil && s.over == false {
							t.Error("a stream of a link that is broken has an end")
						}
						if _, err := s.Write([]byte("x")); err == nil {
							t.Error("a stream of a link that is broken takes bytes")
						}
					}
				})
				within(t, "its goroutines", l.work.Wait)
				if l.Streams() != 0 {
					t.Error("the link still has streams")
				}
			})
		}
	}
}

// What is within the rules, if only just, ends nothing.
func TestFramesAtTheLimits(t *testing.T) {
	full := strings.Repeat("x", Window)
	for _, dialling := range []bool{true, false} {
		l, streams, raw := against(t, dialling)
		go func() { _, _ = io.Copy(io.Discard, raw) }()
		if n, err := streams[1].Write(make([]byte, 1000)); n != 1000 || err != nil {
			t.Fatal(n, err)
		}
		streams[0].Close(true)
		send(t, raw, frames{}.
			frame(kindData, 1, full).frame(kindData, 1, full).window(1, 1<<32-1).frame(kindEnd, 1, "").frame(kindReset, 1, ""). // it is closed
			frame(kindData, 2, "").frame(kindData, 2, full).frame(kindData, 2, "").window(2, 0).window(2, 1000).
			frame(kindEnd, 2, "").window(2, 0).frame(kindClose, 2, ""))
		got, err := io.ReadAll(streams[1].Conn())
		if string(got) != full || err != nil {
			t.Errorf("%d bytes came: %v", len(got), err)
		}
		streams[1].Close(false)
		if n := l.Streams(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
		select {
		case <-l.Done():
			t.Errorf("the link ended: %v", l.err)
		default:
		}
	}
}

func TestTooManyStreamsAreReset(t *testing.T) {
	nc, raw := wire(t)
	l := newLink(nc, func(*Stream) {})
	l.start(new(intake))
	defer l.Close()
	var sent frames
	for id := range uint32(maxStreams) {
		sent = sent.frame(kindOpen, id+1, "")
	}
	send(t, raw, sent.frame(kindOpen, maxStreams+5, "").frame(kindData, maxStreams+5, "hello"))
	var answer [headerSize]byte
	if _, err := io.ReadFull(raw, answer[:]); err != nil {
		t.Fatal(err)
	}
	if got := binary.LittleEndian.Uint64(answer[:]); got != header(kindReset, maxStreams+5, 0) {
		t.Errorf("the answer is %x", got)
	}
	if n := l.Streams(); n != maxStreams {
		t.Errorf("%d streams", n)
	}
}

// A peer that opens streams, to which there is something to say, and never reads cannot make the queue grow without end.
func TestAnswersAreBounded(t *testing.T) {
	nc, raw := wire(t)
	l := newLink(nc, func(s *Stream) { s.Close(true) })
	const more = 100
	l.out = make([]byte, maxAnswers-more*headerSize) // as if it had gone on for long
	close(l.silent)
	l.work.Go(func() { l.read(new(intake)) })
	defer l.Close()
	go func() {
		for id := uint32(1); id < 3*more; id++ {
			if _, err := raw.Write(frames{}.frame(kindOpen, id, "")); err != nil {
				return
			}
		}
	}()
	within(t, "the link", func() { <-l.Done() })
	if len(l.out) > maxAnswers+headerSize || errors.Is(l.err, ErrClosed) {
		t.Errorf("%d bytes waited to be written: %v", len(l.out), l.err)
	}
}

func TestNumbersOfStreamsRunOut(t *testing.T) {
	p := newPair(t)
	p.dialling.mu.Lock()
	p.dialling.last = 1<<32 - 2
	p.dialling.mu.Unlock()
	one, other := p.open()
	if _, err := p.dialling.Open(); !errors.Is(err, errUsedUp) {
		t.Errorf("another stream was opened: %v", err)
	}
	if _, err := one.Conn().Write([]byte("hello")); err != nil {
		t.Error(err)
	}
	one.CloseWrite()
	if got, err := io.ReadAll(other.Conn()); string(got) != "hello" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// A deadline of the connection below is none of its streams'.
func TestDeadlineOfTheConnectionEndsTheLink(t *testing.T) {
	p := newPair(t)
	one, _ := p.open()
	_ = p.dialling.nc.SetDeadline(ws.LongAgo)
	if err := one.Read(&pieceIntake{p: make([]byte, 1)}); err == nil || err == io.EOF || ws.IsDeadline(err) {
		t.Errorf("a reader ends with %v", err)
	}
}

// Bytes that were read, and for which the other side was not given room yet, count as long as that is so.
func TestWindowIsNotWiderThanWhatWasGiven(t *testing.T) {
	l, streams, raw := against(t, false)
	go func() { _, _ = io.Copy(io.Discard, raw) }()
	send(t, raw, frames{}.frame(kindData, 1, strings.Repeat("x", Window)))
	if _, err := io.ReadFull(streams[0].Conn(), make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	send(t, raw, frames{}.frame(kindData, 1, "x"))
	within(t, "the link", func() { <-l.Done() })
	if !errors.Is(l.err, errMalformed) {
		t.Errorf("the link ended with: %v", l.err)
	}
}
