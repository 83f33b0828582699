package link

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/symphony-rtc/symphony/internal/ws"
)

// FuzzFrames gives a side of a link what the other may send, in pieces, while its own streams read, write and close as a script says, and
// checks that it holds no more than it may. As long as nothing is closed or read here, what its streams got is compared with what
// a parser understands that does one thing after the other.
func FuzzFrames(f *testing.F) {
	add := func(sent frames, script ...byte) {
		f.Add(false, []byte(sent), script)
		f.Add(true, []byte(sent), script)
	}
	add(frames{}.frame(kindOpen, 1, "").frame(kindData, 1, "hello").frame(kindEnd, 1, ""))
	add(frames{}.frame(kindOpen, 3, "").frame(kindOpen, 4, "").frame(kindData, 3, "abc").frame(kindClose, 4, "").frame(kindReset, 3, ""), 0, 0, 0, 0)
	add(frames{}.header(kindData, 1, Window).frame(kindEnd, 2, ""), 3, 0x21, 0x22, 0x23)
	add(frames{}.header(kindData, 2, Window+1))
	add(frames{}.header(kindData, 9, 1<<24-1))
	add(frames{}.window(1, 100).window(2, 1<<31).frame(7, 1, ""), 0xa1, 0x91, 0xa2, 1, 2)
	add(frames{}.frame(kindWindow, 1, "abc"))
	f.Fuzz(func(t *testing.T, dialling bool, sent, script []byte) {
		nc, other := net.Pipe()
		defer nc.Close()
		defer other.Close()
		var streams []*Stream
		var l *Link
		if dialling {
			l = newLink(nc, nil)
			for range 3 {
				s, err := l.Open()
				if err != nil {
					t.Fatal(err)
				}
				streams = append(streams, s)
			}
		} else {
			l = newLink(nc, func(s *Stream) { streams = append(streams, s) })
		}
		want := understand(sent, dialling)

		in := new(intake)
		var err error
		touched := false
		feed := func(p []byte) {
			for len(p) > 0 && err == nil {
				n := copy(in.Space(), p)
				in.Filled(n)
				p = p[n:]
				err = l.takeFrames(in)
				in.Park()
			}
		}
		rest := sent
		for _, op := range script {
			n := min(int(op&0xf), len(rest))
			if op < 0x10 || len(streams) == 0 {
				feed(rest[:n])
				rest = rest[n:]
				continue
			}
			touched = true
			act(t, streams[int(op&0xf)%len(streams)], op>>4)
			bounded(t, l, streams)
		}
		feed(rest)
		whole := in.left == 0
		for zeros := make([]byte, readSize); err == nil && in.left > 0; { // a frame whose header promised more
			feed(zeros[:min(uint32(len(zeros)), in.left)])
		}
		bounded(t, l, streams)
		if err != nil && !errors.Is(err, errMalformed) {
			t.Errorf("the link ends with %v", err)
		}
		if !touched && whole {
			if (err != nil) != want.malformed {
				t.Fatalf("the link ends with %v, and that its frames are malformed is %v", err, want.malformed)
			}
			compare(t, streams, want)
		}
		if err == nil {
			err = ErrClosed
		}
		l.fail(err)
		for _, s := range streams {
			s.Close(false)
			if s.head != nil || s.unread != 0 {
				t.Error("a closed stream holds memory")
			}
		}
		in.release()
	})
}

// act does something with a stream that does not wait.
func act(t *testing.T, s *Stream, what byte) {
	switch what {
	case 1, 2, 3:
		s.mu.Lock()
		ready := s.unread > 0 || s.err != nil
		s.mu.Unlock()
		if ready {
			_ = s.Read(&pieceIntake{p: make([]byte, 1<<(7*what-1))})
		}
	case 4:
		s.Close(false)
	case 5:
		s.Close(true)
	case 6:
		s.CloseWrite()
	case 7:
		s.ReadDeadline(ws.LongAgo)
		s.WriteDeadline(ws.LongAgo)
	default:
		if n, err := s.Write(make([]byte, int(what)<<13)); n < 0 || n > int(what)<<13 || err != nil && n > 0 {
			t.Errorf("Write: %d, %v", n, err)
		}
	}
}

// bounded checks what a link and its streams hold.
func bounded(t *testing.T, l *Link, streams []*Stream) {
	t.Helper()
	for _, s := range streams {
		held, memory := 0, 0
		for b := s.head; b != nil; b = b.Next {
			held += b.End - b.Start
			memory += len(b.B)
			if b.Next == nil && b != s.tail {
				t.Fatal("the queue has another end")
			}
		}
		if held != s.unread || held+s.taken > Window || memory > 2*Window+4*readSize {
			t.Fatalf("stream %d holds %d bytes in %d for %d", s.id, held, memory, s.unread)
		}
		if s.credit < 0 {
			t.Fatalf("stream %d may write %d bytes", s.id, s.credit)
		}
	}
	if len(l.streams) > maxStreams || len(l.out) > maxAnswers+maxQueue+Window {
		t.Fatalf("%d streams, %d bytes to be written", len(l.streams), len(l.out))
	}
}

// A story is what a side understands of what the other sends.
type story struct {
	malformed bool
	unread    map[uint32]string // of each stream
	ends      map[uint32]error
}

// understand is the parser to compare with. The side has streams 1 to 3 if it has dialled.
func understand(sent []byte, dialling bool) (s story) {
	s = story{unread: map[uint32]string{}, ends: map[uint32]error{}}
	last, left := uint32(0), map[uint32]bool{}
	if dialling {
		last = 3
	}
	for len(sent) >= headerSize {
		h := binary.LittleEndian.Uint64(sent)
		kind, n, id := byte(h), int(h>>8&0xffffff), uint32(h>>32)
		sent = sent[headerSize:]
		known := id > 0 && id <= last
		if !dialling { // numbers may be left out: there was such a stream, for all that this side remembers
			_, opened := s.unread[id]
			known = known && opened
		} else if known {
			s.unread[id] += ""
		}
		payload := sent[:min(n, len(sent))]
		bad := false
		switch kind {
		case kindOpen:
			if bad = dialling || n != 0 || id <= last; !bad {
				last = id
				s.unread[id] = ""
			}
		case kindData:
			bad = id == 0 || id > last || known && n > 0 && s.ends[id] != nil || known && len(s.unread[id])+len(payload) > Window
			if !bad && known {
				s.unread[id] += string(payload)
			}
		case kindWindow:
			if n == 4 && len(sent) < 4 {
				return s
			}
			bad = n != 4 || id == 0 || id > last || known && binary.LittleEndian.Uint32(payload) > 0
		case kindEnd, kindClose, kindReset:
			bad = n != 0 || id == 0 || id > last || known && (left[id] || kind == kindEnd && s.ends[id] != nil)
			if bad || !known {
				break
			}
			left[id] = kind != kindEnd
			s.ends[id] = io.EOF
			if kind == kindReset {
				s.unread[id], s.ends[id] = "", syscall.ECONNRESET
			}
		default:
			bad = true
		}
		if bad {
			s.malformed = true
			return s
		}
		sent = sent[len(payload):]
	}
	return s
}

func compare(t *testing.T, streams []*Stream, want story) {
	t.Helper()
	for _, s := range streams {
		var held bytes.Buffer
		for b := s.head; b != nil; b = b.Next {
			held.Write(b.B[b.Start:b.End])
		}
		if got := held.String(); got != want.unread[s.id] && !(want.malformed && strings.HasPrefix(got, want.unread[s.id])) {
			t.Errorf("stream %d got %q, want %q", s.id, got, want.unread[s.id])
		}
		if s.err != want.ends[s.id] {
			t.Errorf("stream %d ends with %v, want %v", s.id, s.err, want.ends[s.id])
		}
	}
}
