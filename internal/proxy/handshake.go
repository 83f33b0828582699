package proxy

import (
	"bytes"
	"fmt"
	"net"
	"strings"

	"github.com/symphony-rtc/symphony/internal/ws"
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
		if err := answered(string(answer[:end]), h.id); err != nil {
			return err
		}
		h.in.pos += end + 4
		h.in.got = 0
		return nil
	}
}

// answered says what the head of an answer to a handshake means, that a host with an id was asked for.
func answered(head, id string) error {
	status, rest, _ := strings.Cut(head, "\r\n")
	status, http11 := strings.CutPrefix(status, "HTTP/1.1 ")
	switch {
	case !http11:
		return fmt.Errorf("%w: it does not speak HTTP/1.1: %.60q", errUnreachable, status)
	case strings.HasPrefix(status, "421 "):
		return fmt.Errorf("%w: another host has its address", errUnreachable)
	case strings.HasPrefix(status, "400 "), strings.HasPrefix(status, "431 "):
		// It is not the host that is wrong, and another one would say the same.
		return protocol.Closef(protocol.CloseUnavailable, "the host of the room does not take this handshake: %.60q", status)
	case !strings.HasPrefix(status, "101 "):
		return fmt.Errorf("%w: %.60q", errRefused, status)
	}
	for line := range strings.SplitSeq(rest, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(name, ws.HostHeader) && strings.TrimSpace(value) == id {
			return nil
		}
	}
	return fmt.Errorf("%w: another program has its address", errUnreachable)
}
