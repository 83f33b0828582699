package gateway

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws/wstest"
	"github.com/symphony-rtc/symphony/protocol"
)

// sweepAll makes one whole sweep. The gateway's own sweeper must have been stopped.
func (g *Gateway) sweepAll() {
	for i := range g.shards {
		g.sweep(&g.shards[i], nil)
	}
	g.round.Add(1)
}

func stopSweeper(g *Gateway) {
	g.stopSweeper()
	<-g.sweeper
}

func TestPace(t *testing.T) {
	for ping, want := range map[time.Duration]pace{
		30 * time.Second:      {5 * time.Second, 3, 6, 24},
		time.Minute:           {5 * time.Second, 3, 12, 48},
		10 * time.Second:      {2500 * time.Millisecond, 6, 4, 16},
		40 * time.Millisecond: {10 * time.Millisecond, 1500, 4, 16},
	} {
		if got := newPace(ping); got != want {
			t.Errorf("every %v: %+v, want %+v", ping, got, want)
		}
	}
	// y-websocket hangs up after 30 s: a message must have been sent well before, whenever in a sweep the last one was.
	if p := newPace(24 * time.Hour); p.every*time.Duration(p.quiet+1) > 25*time.Second {
		t.Errorf("a client may wait too long for a sign of life: %+v", p)
	}
}

func TestP_OWNER_probe(t *testing.T) {
	host := &relayHost{}
	g, addr := serve(t, host, Options{})
	stopSweeper(g)
	dead, alive := dial(t, addr, "dead"), dial(t, addr, "alive")
	eventually(t, "joined", func() bool { return len(host.members("dead")) == 1 && len(host.members("alive")) == 1 })
	for range 4 { // silent as any idle connection, which is no reason to end it
		g.sweepAll()
	}
	for range 2 {
		host.members("dead")[0].member.Probe()
		host.members("alive")[0].member.Probe()
	}
	for range 1 + probeSilence {
		before := g.Stats().BytesIn
		alive.write(wstest.Frame(opPong, true, nil))
		eventually(t, "the pong was read", func() bool { return g.Stats().BytesIn > before })
		g.sweepAll()
	}
	pings := 0
	for {
		op, payload, err := dead.frame()
		if err != nil {
			t.Fatalf("no close frame: %v", err)
		}
		if op == opPing {
			pings++
		}
		if op == opClose {
			if code := protocol.CloseCode(payload[0])<<8 | protocol.CloseCode(payload[1]); code != protocol.CloseNoPong {
				t.Errorf("closed with %d", code)
			}
			break
		}
	}
	if pings != 1 {
		t.Errorf("%d pings", pings)
	}
	if len(host.members("alive")) != 1 {
		t.Error("a client that answered was cut off")
	}
}

// While a room is being loaded, plain clients are told that the server lives. Those of symphony.v1 are not: hello is
// the first message that they get.
func TestH_FIRST_whileTheRoomLoads(t *testing.T) {
	loaded := make(chan struct{})
	host := &relayHost{join: func(string) error { <-loaded; return nil }}
	g, addr := serve(t, host, Options{PingEvery: time.Hour})
	stopSweeper(g)
	plain := dial(t, addr, "plain")
	symphony, _ := request(t, addr, "/rooms/symphony", map[string]string{"Sec-WebSocket-Protocol": protocol.Subprotocol})
	for range 2 * g.pace.quiet {
		g.sweepAll()
	}
	if got := plain.message(); string(got) != "\x01\x01\x00" {
		t.Errorf("while its room is loaded, a plain client got %x", got)
	}
	close(loaded)
	eventually(t, "joined", func() bool { return len(host.members("symphony")) == 1 })
	host.send("symphony", []byte("hello"), false)
	if got := symphony.message(); string(got) != "hello" {
		t.Errorf("the first message to a client of symphony.v1 is %x", got)
	}
	for range g.pace.quiet + 1 { // the first of them sees that something was sent
		g.sweepAll()
	}
	if got := symphony.message(); string(got) != "\x01\x01\x00" {
		t.Errorf("later it got %x instead of a sign of life", got)
	}
}

func TestC_PING_C_LONELY(t *testing.T) {
	host := &relayHost{}
	g, addr := serve(t, host, Options{})
	stopSweeper(g)
	c, busy := dial(t, addr, "r"), dial(t, addr, "busy")
	eventually(t, "joined", func() bool { return len(host.members("r")) == 1 && len(host.members("busy")) == 1 })
	for range 4 * 6 {
		before := g.Stats().BytesIn
		busy.write(wstest.Frame(opPong, true, nil))
		eventually(t, "the pong was read", func() bool { return g.Stats().BytesIn > before })
		host.send("busy", []byte("hello"), false)
		g.sweepAll()
	}
	// Nothing was heard of c in all this time: three pings, eight signs of life, and the end.
	var got strings.Builder
	for {
		op, payload, err := c.frame()
		if err != nil {
			break
		}
		switch op {
		case opPing:
			got.WriteString("ping ")
		case opBinary:
			if string(payload) != "\x01\x01\x00" {
				t.Errorf("sign of life is %x", payload)
			}
			got.WriteString("life ")
		case opClose:
			if code := protocol.CloseCode(payload[0])<<8 | protocol.CloseCode(payload[1]); code != protocol.CloseNoPong {
				t.Errorf("closed with %d", code)
			}
			got.WriteString("close")
		}
	}
	if want := "life ping life life ping life life ping life life close"; got.String() != want {
		t.Errorf("got  %s\nwant %s", &got, want)
	}
	for range 4 * 6 { // whoever is sent messages needs no signs of life
		if got := busy.message(); string(got) != "hello" {
			t.Errorf("got %q", got)
		}
	}
}

func TestC_PING_bySweeper(t *testing.T) {
	host := &relayHost{}
	_, addr := serve(t, host, Options{PingEvery: 4 * time.Millisecond})
	c := dial(t, addr, "r")
	if op, _, err := c.frame(); op != opPing || err != nil {
		t.Fatalf("opcode %d, %v", op, err)
	}
	if code, _ := c.closed(); code != protocol.CloseNoPong {
		t.Errorf("closed with %d", code)
	}
	eventually(t, "left", func() bool { return len(host.members("r")) == 0 })
}

// Hundreds of hosts wait for a room: as long as nobody is connected they do nothing.
func TestSweeperRestsWhileNobodyIsConnected(t *testing.T) {
	var asked atomic.Int64 // once in each step of the sweeper
	g, addr := serve(t, &relayHost{}, Options{
		PingEvery:     4 * time.Millisecond,
		ProcessorTime: func() time.Duration { asked.Add(1); return 0 },
	})
	rests := func() bool {
		before := asked.Load()
		time.Sleep(50 * time.Millisecond)
		return asked.Load() == before
	}
	for range 3 {
		eventually(t, "the sweeper rests", rests)
		before := asked.Load()
		c := dial(t, addr, "r")
		eventually(t, "it sweeps", func() bool { return asked.Load() > before+2*shardCount })
		_ = c.nc.Close()
		eventually(t, "the connection is gone", func() bool { return g.Stats().Connections == 0 })
	}
}
