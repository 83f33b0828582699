package gateway

import (
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/symphony-rtc/symphony/internal/ws/wstest"
)

// Thousands of connections come and go in every way there is, while their rooms talk; nothing of them stays.
// TestMain looks for goroutines that do, and the race detector for what the ends of connections race with.
func TestConnectionsComeAndGo(t *testing.T) {
	const workers, rounds = 16, 125
	host := &relayHost{}
	g, addr := serve(t, host, Options{MaxBacklog: 1 << 20})
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			for round := range rounds {
				room := fmt.Sprint("r", (worker+round)%5)
				c := dial(t, addr, room)
				c.send([]byte("hello"))
				switch round % 6 {
				case 0: // the client closes
					c.write(wstest.Frame(opClose, true, []byte("\x03\xe8")))
					c.closed()
				case 1: // it vanishes
					_ = c.nc.Close()
				case 2: // it vanishes with a reset
					_ = c.nc.(*net.TCPConn).SetLinger(0)
					_ = c.nc.Close()
				case 3: // it breaks the rules
					c.write([]byte{0xff, 0xff})
					c.closed()
				case 4: // it vanishes in the middle of a frame
					c.write(wstest.Frame(opBinary, true, make([]byte, 10_000))[:round*7+3])
					_ = c.nc.Close()
				case 5: // the room closes whoever is there
					for _, m := range host.members(room) {
						m.room.mu.Lock()
						if m.index >= 0 {
							m.member.Send([]byte{0x82, 1, 'x'}, true)
							m.member.Close(4504, "elsewhere")
						}
						m.room.mu.Unlock()
					}
					_ = c.nc.Close()
				}
			}
		})
	}
	all.Wait()
	eventually(t, "all left", func() bool { return g.Stats().Connections == 0 })
	if s := g.Stats(); s.Opened != workers*rounds {
		t.Errorf("opened %d", s.Opened)
	}
	for i := range 5 {
		if n := len(host.members(fmt.Sprint("r", i))); n > 0 {
			t.Errorf("%d members left in room %d", n, i)
		}
	}
}
