package link

import (
	"net"
	"testing"

	"github.com/symphony-rtc/symphony/internal/ws/sockettest"
)

func TestStreamsAreSockets(t *testing.T) {
	for _, side := range []struct {
		name  string
		order func(dialled, taken net.Conn) (a, b net.Conn)
	}{
		{"dialling side first", func(dialled, taken net.Conn) (a, b net.Conn) { return dialled, taken }},
		{"taking side first", func(dialled, taken net.Conn) (a, b net.Conn) { return taken, dialled }},
	} {
		t.Run(side.name, func(t *testing.T) {
			sockettest.Run(t, sockettest.Kind{Reset: sockettest.ResetDrops, Pair: func(t *testing.T) (a, b net.Conn) {
				dialled, taken := newPair(t).open()
				return side.order(dialled.Conn(), taken.Conn())
			}})
		})
	}
}
