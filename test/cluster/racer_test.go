//go:build linux

package cluster

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/symphony-rtc/symphony/protocol"
)

// racer is a client of y-websocket's protocol that does little, so that many of them fit on a machine: it says something, and looks for
// what others said.
type racer struct {
	conn net.Conn
	r    *bufio.Reader
	said []byte // its document, as an update
}

// errClosed is what a racer is told by a close frame.
var errClosed = errors.New("the connection was closed")

// race connects to a room.
func race(addr, room string) (*racer, error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	x := &racer{conn: conn, r: bufio.NewReader(conn), said: []byte{0, 0}}
	if err := x.enter(addr, room); err != nil {
		conn.Close()
		return nil, err
	}
	return x, nil
}

func (x *racer) enter(addr, room string) error {
	if err := x.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(x.conn, "GET /rooms/%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", url.PathEscape(room), addr)
	if err != nil {
		return err
	}
	resp, err := http.ReadResponse(x.r, nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("the upgrade was answered with %s", resp.Status)
	}
	return x.send(protocol.SyncFrame(protocol.SyncStep1, []byte{0})) // the state vector of an empty document
}

// insert sends an update that inserts a text: that of a client that has done nothing else.
func (x *racer) insert(client uint64, text string) error {
	update := []byte{1, 1} // one client with one struct
	update = binary.AppendUvarint(update, client)
	update = append(update, 0)    // its clock
	update = append(update, 4, 1) // a string without neighbours, in a root
	update = binary.AppendUvarint(update, uint64(len("text")))
	update = append(update, "text"...)
	update = binary.AppendUvarint(update, uint64(len(text)))
	update = append(update, text...)
	x.said = append(update, 0) // which deletes nothing
	return x.send(protocol.UpdateFrame(x.said))
}

func (x *racer) send(message protocol.Frame) error {
	payload := message.Payload()
	if len(payload) > 125 {
		return errors.New("a racer's messages are short")
	}
	frame := append([]byte{0x82, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...) // masked, with a mask that changes nothing
	_, err := x.conn.Write(frame)
	return err
}

// find reads until each text came.
func (x *racer) find(texts ...string) error {
	for len(texts) > 0 {
		payload, err := x.next()
		if err != nil {
			return fmt.Errorf("waiting for %q: %w", texts, err)
		}
		if len(payload) > 1 && payload[0] == byte(protocol.TypeSync) && payload[1] == byte(protocol.SyncStep1) {
			// Whatever was sent before may have gone to a host that did not have the room.
			if err := x.send(protocol.SyncFrame(protocol.SyncStep2, x.said)); err != nil {
				return err
			}
		}
		kept := texts[:0]
		for _, text := range texts {
			if !bytes.Contains(payload, []byte(text)) {
				kept = append(kept, text)
			}
		}
		texts = kept
	}
	return nil
}

// next is the next binary message.
func (x *racer) next() ([]byte, error) {
	for {
		var header [2]byte
		if _, err := io.ReadFull(x.r, header[:]); err != nil {
			return nil, err
		}
		size := int(header[1])
		switch {
		case size == 126:
			var long [2]byte
			if _, err := io.ReadFull(x.r, long[:]); err != nil {
				return nil, err
			}
			size = int(binary.BigEndian.Uint16(long[:]))
		case size > 126:
			return nil, fmt.Errorf("a frame that begins with % x", header)
		}
		payload := make([]byte, size)
		if _, err := io.ReadFull(x.r, payload); err != nil {
			return nil, err
		}
		switch header[0] {
		case 0x82:
			return payload, nil
		case 0x88:
			code := 0
			if size >= 2 {
				code = int(binary.BigEndian.Uint16(payload))
			}
			return nil, fmt.Errorf("%w with %d %s", errClosed, code, payload[min(2, size):])
		}
	}
}
