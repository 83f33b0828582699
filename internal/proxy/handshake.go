package proxy

import (
	"bytes"
	"fmt"
	"net"
	"strings"

	"github.com/symphony-rtc/symphony/protocol"
)

// handshake sends the request and reads the answer; frames that follow it stay in h.in.
func (h *hostConn) handshake(nc net.Conn, request []byte) error {
	if _, err := nc.Write(request); err != nil {
		return err
	}
	for {
		n, err := nc.Read(h.in.Space())
		if err != nil {
			return err
		}
		h.in.Filled(n)
		answer := h.in.buf.B[h.in.pos:h.in.end]
		end := bytes.Index(answer, []byte("\r\n\r\n"))
		if end < 0 {
			if len(answer) > readSize/2 {
				return fmt.Errorf("%w: its answer is too long", errRefused)
			}
			continue
		}
		status, _, _ := bytes.Cut(answer[:end], []byte("\r\n"))
		if err := answered(string(status)); err != nil {
			return err
		}
		h.in.pos += end + 4
		h.in.got = 0
		return nil
	}
}

// answered says what the status line of an answer to a handshake means.
func answered(status string) error {
	status = strings.TrimPrefix(status, "HTTP/1.1 ")
	switch {
	case strings.HasPrefix(status, "101 "):
		return nil
	case strings.HasPrefix(status, "400 "), strings.HasPrefix(status, "431 "):
		// It is not the host that is wrong, and another one would say the same.
		return protocol.Closef(protocol.CloseUnavailable, "the host of the room does not take this handshake: %.60q", status)
	}
	return fmt.Errorf("%w: %.60q", errRefused, status)
}
