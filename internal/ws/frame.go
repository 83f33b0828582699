package ws

import (
	"strings"
	"unicode/utf8"

	"github.com/symphony-rtc/symphony/protocol"
)

// The opcodes of RFC 6455 section 5.2.
const (
	OpContinuation = 0x0
	OpText         = 0x1
	OpBinary       = 0x2
	OpClose        = 0x8
	OpPing         = 0x9
	OpPong         = 0xa
)

// The close codes of RFC 6455 section 7.4.1 that a server itself uses.
const (
	CloseNormal      protocol.CloseCode = 1000
	CloseProtocol    protocol.CloseCode = 1002
	CloseNoStatus    protocol.CloseCode = 1005 // never on the wire
	CloseInvalidText protocol.CloseCode = 1007
)

// AppendClose appends a server's close frame. Of the reason travels what fits, up to the end of a character; what is not UTF-8 in it, such
// as in something that a client said, is replaced.
func AppendClose(b []byte, code protocol.CloseCode, reason string) []byte {
	reason = strings.ToValidUTF8(reason, "?")
	if len(reason) > 123 {
		n := 123
		for n > 0 && !utf8.RuneStart(reason[n]) {
			n--
		}
		reason = reason[:n]
	}
	if code == CloseNoStatus {
		return append(b, 0x80|OpClose, 0)
	}
	b = append(b, 0x80|OpClose, byte(2+len(reason)), byte(code>>8), byte(code))
	return append(b, reason...)
}
