package k8s

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// opener is the smallest client that can tell when a room is open: it connects, asks for everything and waits for the answer.
// It is here because real clients would be measured, too.
type opener struct {
	conn net.Conn
	in   *bufio.Reader
}

// openRoom connects to a room and returns how long it took from the start of the connection to the end of the first sync. Where that fails
// it tries again as clients do, and refused says why it failed.
func openRoom(addr, room string) (o *opener, took time.Duration, refused []error, err error) {
	began := time.Now()
	for time.Since(began) < patience {
		if o, err = tryRoom(addr, room); err == nil {
			return o, time.Since(began), refused, nil
		}
		refused = append(refused, err)
		time.Sleep(20 * time.Millisecond)
	}
	return nil, 0, refused, err
}

func tryRoom(addr, room string) (_ *opener, err error) {
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, err = fmt.Fprintf(conn, "GET /rooms/%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", room, addr)
	if err != nil {
		return nil, err
	}
	o := &opener{conn: conn, in: bufio.NewReader(conn)}
	response, err := http.ReadResponse(o.in, nil)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("status %s instead of an upgrade", response.Status)
	}
	// Sync step 1 with an empty state vector: y-protocols, messageSync 0, step 0, then a byte array of the one byte 0.
	if err := o.send([]byte{0, 0, 1, 0}); err != nil {
		return nil, err
	}
	for {
		message, err := o.receive()
		if err != nil {
			return nil, err
		}
		if len(message) > 1 && message[0] == 0 && message[1] == 1 { // sync step 2
			return o, conn.SetDeadline(time.Time{})
		}
	}
}

// send writes a binary message of less than 126 bytes; its mask is zero.
func (o *opener) send(message []byte) error {
	_, err := o.conn.Write(append([]byte{0x82, 0x80 | byte(len(message)), 0, 0, 0, 0}, message...))
	return err
}

// receive reads the next binary message. RFC 6455, section 5.2; servers do not mask and ours do not fragment.
func (o *opener) receive() ([]byte, error) {
	for {
		var head [2]byte
		if _, err := io.ReadFull(o.in, head[:]); err != nil {
			return nil, err
		}
		size := uint64(head[1] & 0x7f)
		switch size {
		case 126:
			var more [2]byte
			if _, err := io.ReadFull(o.in, more[:]); err != nil {
				return nil, err
			}
			size = uint64(binary.BigEndian.Uint16(more[:]))
		case 127:
			var more [8]byte
			if _, err := io.ReadFull(o.in, more[:]); err != nil {
				return nil, err
			}
			size = binary.BigEndian.Uint64(more[:])
		}
		if size > 64<<20 {
			return nil, fmt.Errorf("a message of %d bytes", size)
		}
		body := make([]byte, size)
		if _, err := io.ReadFull(o.in, body); err != nil {
			return nil, err
		}
		switch opcode := head[0] & 0x0f; opcode {
		case 2:
			return body, nil
		case 8:
			if len(body) < 2 {
				return nil, errors.New("closed without a code")
			}
			return nil, fmt.Errorf("closed with %d %q", binary.BigEndian.Uint16(body), body[2:])
		}
	}
}

func (o *opener) leave() { o.conn.Close() }
