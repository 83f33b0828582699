//go:build linux

package proxy

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/link"
	"github.com/symphony-rtc/symphony/internal/ws"
	"github.com/symphony-rtc/symphony/internal/ws/wstest"
)

// The benchmarks measure the CPU time of this process alone, which has only the proxy in it: clients and hosts are in another
// process, which is this test binary started again.
//
// That process has n pairs of a client and a host. Each client sends a message of the size of a presence update from time to
// time, and the host sends it back as the relayed message of somebody else, so that each operation is one message up
// and one message down.

const (
	helperRole  = "PROXY_BENCH"       // "hosts" or empty
	helperDial  = "PROXY_BENCH_DIAL"  // where the proxy listens; it is told on standard input
	helperPairs = "PROXY_BENCH_PAIRS" // clients
	helperLinks = "PROXY_BENCH_LINKS" // hosts take links
	helperRate  = "PROXY_BENCH_RATE"  // messages per second and client
)

// runHelper runs that process, if this is it.
func runHelper() bool {
	if os.Getenv(helperRole) == "" {
		return false
	}
	if err := helper(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func helper() error {
	pairs, _ := strconv.Atoi(os.Getenv(helperPairs))
	rate, _ := strconv.ParseFloat(os.Getenv(helperRate), 64)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var hosts net.Listener = ln
	if os.Getenv(helperLinks) != "" {
		links := link.Listen(ln.Addr())
		go func() { _ = http.Serve(ln, ws.Addressed(links, "h")) }()
		hosts = links
	}
	go func() {
		for {
			nc, err := hosts.Accept()
			if err != nil {
				return
			}
			go benchHost(nc)
		}
	}()
	fmt.Println(ln.Addr())
	in := bufio.NewReader(os.Stdin)
	addr, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	addr = addr[:len(addr)-1]
	var ready sync.WaitGroup
	for i := range pairs {
		ready.Add(1)
		go benchClient(addr, i, rate, &ready)
		if i%100 == 99 {
			time.Sleep(20 * time.Millisecond)
		}
	}
	ready.Wait()
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, in) // until the benchmark ends
	return nil
}

const benchPayload = 110

// benchHost answers a handshake, greets, and sends each message back without its mask.
func benchHost(nc net.Conn) {
	defer nc.Close()
	r := bufio.NewReaderSize(nc, 4096)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if line == "\r\n" {
			break
		}
	}
	_, _ = nc.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x82\x04\x00\x00\x01\x00"))
	buf := make([]byte, 6+benchPayload)
	for {
		if _, err := io.ReadFull(r, buf[:2]); err != nil {
			return
		}
		n := int(buf[1] & 0x7f)
		if _, err := io.ReadFull(r, buf[2:6+n]); err != nil {
			return
		}
		mask := binary.LittleEndian.Uint32(buf[2:])
		out := buf[4 : 6+n]
		out[0], out[1] = 0x82, byte(n)
		for i := range n {
			out[2+i] ^= byte(mask >> (8 * (i & 3)))
		}
		if _, err := nc.Write(out); err != nil {
			return
		}
	}
}

// benchClient sends presence and reads what comes.
func benchClient(addr string, i int, rate float64, ready *sync.WaitGroup) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, _ = nc.Write(wstest.Handshake(fmt.Sprint("/rooms/r", i)))
	first := make([]byte, 1024)
	for n := 0; ; { // the acceptance, and the host's step 1
		k, err := nc.Read(first[n:])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if n += k; n > 6 && string(first[n-4:n]) == "\x00\x00\x01\x00" {
			break
		}
	}
	ready.Done()
	go func() { _, _ = io.Copy(io.Discard, nc) }()
	if rate == 0 {
		return
	}
	state := make([]byte, benchPayload-11)
	for i := range state {
		state[i] = '1'
	}
	update := awarenessOf(uint64(1<<28+i), 5, string(state))
	payload := append([]byte{1, byte(len(update))}, update...)
	frame := wstest.Frame(2, true, payload)
	every := time.Duration(float64(time.Second) / rate)
	time.Sleep(time.Duration(i) * every / 997 % every)
	ticker := time.NewTicker(every)
	for range ticker.C {
		if _, err := nc.Write(frame); err != nil {
			return
		}
	}
}

// startPairs starts that process. meet makes the proxy once the hosts' address is known, and returns where it listens.
func startPairs(b *testing.B, pairs int, rate float64, links string, meet func(hosts string) string) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperRole+"=1", helperPairs+"="+strconv.Itoa(pairs), helperRate+"="+fmt.Sprint(rate), helperLinks+"="+links)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	out := bufio.NewReader(stdout)
	hosts, err := out.ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	_, _ = fmt.Fprintln(stdin, meet(hosts[:len(hosts)-1]))
	if _, err := out.ReadString('\n'); err != nil {
		b.Fatal("the clients did not connect")
	}
}

// oneHost is a registry that has one host, which has every room.
type oneHost struct{ cluster.Host }

func (h oneHost) Owner(context.Context, string) (cluster.Host, error)  { return h.Host, nil }
func (h oneHost) Forget(context.Context, string, string) error         { return errors.New("no") }
func (h oneHost) Pick(string, func(string) bool) (cluster.Host, error) { return h.Host, nil }
func (h oneHost) Failed(string)                                        {}
func (h oneHost) Unused(string)                                        {}

type oneView struct{ cluster.Host }

func (v oneView) Owner(string) (cluster.Host, bool)        { return v.Host, true }
func (v oneView) Hosts() []cluster.Host                    { return []cluster.Host{v.Host} }
func (v oneView) Changed(string) (<-chan struct{}, func()) { return nil, func() {} }
func (v oneView) OnHost(func(h cluster.Host, gone bool))   {}

func usage() (user, system time.Duration) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano()), time.Duration(u.Stime.Nano())
}

// BenchmarkMessage is what a message costs in the proxy, each way: an operation is one message in one direction. Beside it a relay
// that does nothing but copy bytes between the same sockets, as io.Copy does without splice, and with it.
func BenchmarkMessage(b *testing.B) {
	for _, load := range []struct {
		pairs int
		rate  float64
	}{{1000, 5}, {1000, 15}, {20, 500}} {
		for _, kind := range []string{"proxy", "bare relay"} {
			b.Run(fmt.Sprintf("%d clients, %v per second/%s", load.pairs, load.rate, kind), func(b *testing.B) {
				var messages func() uint64
				links := ""
				if kind == "proxy" {
					links = "1"
				}
				startPairs(b, load.pairs, load.rate, links, func(hosts string) string {
					if kind != "proxy" {
						addr, bytes := bareRelay(b, hosts, kind == "splice")
						return func() string { messages = bytes; return addr }()
					}
					h := cluster.Host{ID: "h", Address: hosts}
					p := New(Deps{Registry: oneHost{h}, View: oneView{h}, Place: oneHost{h}}, Options{DrainSpread: -1})
					s := httptest.NewServer(p)
					b.Cleanup(func() {
						ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
						defer cancel()
						_ = p.Drain(ctx)
						s.Close()
					})
					messages = func() uint64 { s := p.Stats(); return s.MessagesUp + s.MessagesDown }
					return s.Listener.Addr().String()
				})
				time.Sleep(300 * time.Millisecond)
				began := messages()
				user, system := usage()
				start := time.Now()
				b.ResetTimer()
				for messages()-began < uint64(b.N) {
					time.Sleep(5 * time.Millisecond)
				}
				b.StopTimer()
				user2, system2 := usage()
				n := float64(messages() - began)
				b.ReportMetric(float64((user2-user).Nanoseconds())/1000/n, "user-µs/message")
				b.ReportMetric(float64((system2-system).Nanoseconds())/1000/n, "system-µs/message")
				b.ReportMetric(n/time.Since(start).Seconds(), "messages/s")
			})
		}
	}
}

// bareRelay listens and copies bytes.
func bareRelay(b *testing.B, hosts string, splice bool) (addr string, messages func() uint64) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = ln.Close() })
	var bytes atomic.Uint64
	pipe := func(to, from net.Conn, frame int) {
		defer to.Close()
		if splice {
			_, _ = io.Copy(to, from)
			return
		}
		buf := make([]byte, 16<<10)
		for {
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
			bytes.Add(uint64((n + frame - 1) / frame))
		}
	}
	go func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			host, err := net.Dial("tcp", hosts)
			if err != nil {
				return
			}
			go func() { // the acceptance of the proxy has other headers: the client waits for a step 1 only
				go pipe(host, client, 6+benchPayload)
				pipe(client, host, 2+benchPayload)
			}()
		}
	}()
	if splice {
		start := time.Now()
		return ln.Addr().String(), func() uint64 { return uint64(time.Since(start).Seconds() * 1000) } // not counted
	}
	return ln.Addr().String(), bytes.Load
}
