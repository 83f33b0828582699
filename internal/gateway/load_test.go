package gateway

import (
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/internal/ws/wstest"
)

// The benchmarks measure the CPU time and the memory of this process alone: the clients are in another one, which is this
// test binary started again with these variables set.
const (
	loadAddr  = "GATEWAY_LOAD_ADDR"  // of the server
	loadUsers = "GATEWAY_LOAD_USERS" // in rooms of
	loadRoom  = "GATEWAY_LOAD_ROOM"  // so many,
	loadRate  = "GATEWAY_LOAD_RATE"  // each sending so many messages per second
)

// generateLoad is the other process. It says "ready" when all users are connected, and ends when its input does.
func generateLoad(addr string) (status int) {
	users, _ := strconv.Atoi(os.Getenv(loadUsers))
	perRoom, _ := strconv.Atoi(os.Getenv(loadRoom))
	rate, _ := strconv.Atoi(os.Getenv(loadRate))
	conns := make([]net.Conn, users)
	for i := range conns {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			return 1
		}
		conns[i] = nc
		if _, err := nc.Write(wstest.Handshake("/rooms/r" + strconv.Itoa(i/perRoom))); err != nil {
			return 1
		}
		if _, err := io.ReadFull(nc, make([]byte, len(ws.Acceptance("", false)))); err != nil {
			return 1
		}
		go func() { _, _ = io.Copy(io.Discard, nc) }()
	}
	_, _ = os.Stdout.WriteString("ready\n")
	if rate > 0 {
		update, presence := wstest.Frame(opBinary, true, make([]byte, 40)), wstest.Frame(opBinary, true, make([]byte, 110))
		go func() {
			began := time.Now()
			for n := 0; ; n++ {
				due := began.Add(time.Duration(n) * time.Second / time.Duration(users*rate))
				time.Sleep(time.Until(due))
				message := presence
				if n/users%6 == 0 {
					message = update
				}
				_, _ = conns[n%users].Write(message)
			}
		}()
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}
