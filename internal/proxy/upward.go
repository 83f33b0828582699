package proxy

import (
	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/protocol"
)

// data takes a piece of a message of the client. It says whether the host gets it, and which frames after it.
func (c *conn) data(p *piece) (pass bool, after [][]byte, err error) {
	now := &c.partial
	first := p.begin && p.op != ws.OpContinuation
	if first {
		*now = partial{}
		if p.end && p.fin { // nearly all messages
			return c.whole(p)
		}
	}
	now.open = !(p.fin && p.end)
	if !now.known { // then the piece begins its frame, and with it the mask: of a frame in parts the first has the head
		now.n += len(unmasked(now.head[now.n:], p.payload, p.key))
		m, ok := parseHead(now.head[:now.n])
		if ok || !now.open || now.n == maxHead {
			now.known = true
			if now.drop {
				return false, c.session.fromClientLost(&m), nil
			}
			var held bool
			if held, after, err = c.session.fromClient(&m); !held {
				now.drop = true
				if !first && err == nil { // it was begun in fragments too short to be known, and the host has them
					err = protocol.Closef(protocol.CloseRestarting, "the room moved in the middle of a question: reconnect")
				}
			}
		}
	}
	now.after = append(now.after, after...)
	if now.open || now.drop { // nothing may be put into a message; and of one that the host does not get whole nothing follows
		return !now.drop, nil, err
	}
	after, now.after = now.after, nil
	return true, after, err
}

// whole takes a message that is one frame, and all here.
func (c *conn) whole(p *piece) (pass bool, after [][]byte, err error) {
	var head [maxHead]byte
	m, _ := parseHead(unmasked(head[:], p.payload, p.key))
	if !m.wanted() {
		return c.session.fromClient(&m)
	}
	b := ws.GetBuffer(len(p.payload))
	defer ws.PutBuffer(b)
	m.payload = b.B[:copy(b.B, p.payload)]
	ws.Unmask(m.payload, p.key)
	return c.session.fromClient(&m)
}
