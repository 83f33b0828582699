//go:build linux

package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// startYWebsocket runs y-websocket's own server (npm @y/websocket-server) and returns its address.
func startYWebsocket(t *testing.T) string {
	t.Helper()
	script := "../../node_modules/@y/websocket-server/src/server.js"
	if _, err := os.Stat(script); err != nil {
		if os.Getenv("SYMPHONY_TEST_ALL") != "" {
			t.Fatal("npm packages are missing: run `npm ci` in the repository first")
		}
		t.Skip("needs npm packages: run `npm ci` in the repository first")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().(*net.TCPAddr)
	free.Close()
	node := exec.Command("node", script)
	node.Env = append(os.Environ(), "HOST=127.0.0.1", fmt.Sprintf("PORT=%d", addr.Port))
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatalf("starting Node.js: %v", err)
	}
	t.Cleanup(func() {
		_ = node.Process.Kill()
		_ = node.Wait() // killed on purpose
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.Contains(line, "running at") {
		t.Fatalf("y-websocket's server said %q, %v", line, err)
	}
	return addr.String()
}

// texts reads rooms with y-websocket's own client.
func texts(t *testing.T, url string, rooms []string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", append([]string{"testdata/texts.mjs", url}, rooms...)...)
	node.Stderr = os.Stderr
	out, err := node.Output()
	if err != nil {
		t.Fatalf("reading rooms with y-websocket: %v", err)
	}
	var got []string
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// fate is what a relay does with a frame.
type fate int

const (
	pass fate = iota
	drop
	double
	cut  // end the connection without a word
	shut // end it with close code 1013
)

// startRelay passes connections on to a server, and asks decide about each message from the server: conn counts the
// connections, n the connection's messages, from 0.
func startRelay(t *testing.T, server string, decide func(conn, n int, message []byte) fate) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		all.Wait()
	})
	all.Go(func() {
		for conn := 0; ; conn++ {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			upstream, err := net.Dial("tcp", server)
			if err != nil {
				client.Close()
				continue
			}
			all.Go(func() {
				defer upstream.Close()
				_, _ = bufio.NewReader(client).WriteTo(upstream) // ends when one of the two does
			})
			all.Go(func() {
				defer client.Close()
				defer upstream.Close()
				relay(client, bufio.NewReaderSize(upstream, 1<<16), func(n int, m []byte) fate { return decide(conn, n, m) })
			})
		}
	})
	return listener.Addr().String()
}

func relay(client net.Conn, upstream *bufio.Reader, decide func(n int, message []byte) fate) {
	for line := ""; line != "\r\n"; {
		var err error
		if line, err = upstream.ReadString('\n'); err != nil {
			return
		}
		if _, err := client.Write([]byte(line)); err != nil {
			return
		}
	}
	for n := 0; ; {
		var f frame
		var size int
		for want := 1; size == 0; want++ {
			if _, err := upstream.Peek(want); err != nil {
				return
			}
			have, _ := upstream.Peek(upstream.Buffered())
			want = len(have)
			var err error
			if f, size, err = nextFrame(have); err != nil {
				return
			}
		}
		raw, _ := upstream.Peek(size)
		what := pass
		if f.opcode == opBinary {
			what = decide(n, f.payload)
			n++
		}
		switch what {
		case double:
			_, _ = client.Write(raw)
			fallthrough
		case pass:
			if _, err := client.Write(raw); err != nil {
				return
			}
		case shut:
			_, _ = client.Write([]byte{0x80 | opClose, 6, 1013 >> 8, 1013 & 0xff, 'b', 'u', 's', 'y'})
			return
		case cut:
			return
		}
		_, _ = upstream.Discard(size)
	}
}
