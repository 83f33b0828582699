//go:build unix

package process_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/memory"
	"github.com/symphony-rtc/symphony/internal/cluster/process"
	"github.com/symphony-rtc/symphony/internal/cluster/socket"
	"github.com/symphony-rtc/symphony/internal/ipc"
)

// Environment of the test binary when it plays a child or a supervisor.
const (
	roleVar = "SYMPHONY_TEST_PROCESS_ROLE" // child, broken, deaf, supervisor
	idVar   = "SYMPHONY_TEST_PROCESS_ID"
	dirVar  = "SYMPHONY_TEST_PROCESS_DIR"
)

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleVar); role {
	case "":
		goleak.VerifyTestMain(m)
	case "broken":
		fmt.Fprintln(os.Stderr, "panic: no such thing")
		os.Exit(2)
	case "supervisor":
		playSupervisor(os.Getenv(dirVar))
	default:
		playChild(os.Getenv(idVar), os.Getenv(dirVar), role)
	}
}

// command returns how to start a child of a kind.
func command(role string) func(id, dir string) *exec.Cmd {
	return func(id, dir string) *exec.Cmd {
		self, err := process.Self()
		if err != nil {
			panic(err)
		}
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), roleVar+"="+role, idVar+"="+id, dirVar+"="+dir)
		return cmd
	}
}

func registrySocket(dir string) string { return filepath.Join(dir, "registry") }

// playChild is a host: it registers, and does what its socket is told, one line at a time.
func playChild(id, dir, role string) {
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	registry, err := socket.Dial(context.Background(), registrySocket(dir))
	if err != nil {
		log.Error("dial", "err", err)
		os.Exit(1)
	}
	l, err := net.Listen("unix", strings.TrimPrefix(process.Address(dir, id), "unix:"))
	if err != nil {
		log.Error("listen", "err", err)
		os.Exit(1)
	}
	m, err := registry.Join(context.Background(), cluster.Host{ID: id, Address: process.Address(dir, id), Capacity: 1})
	if err != nil {
		log.Error("join", "err", err)
		os.Exit(1)
	}
	log.Info("ready", "pid", os.Getpid(), "limit", os.Getenv("GOMEMLIMIT"))
	if role == "stubborn" {
		signal.Ignore(syscall.SIGHUP)
	}
	go obey(l, m)
	for {
		select {
		case <-stop:
			if role != "deaf" {
				log.Info("goodbye")
				os.Exit(0)
			}
			log.Info("does not listen")
		case <-registry.Done():
			if role == "stubborn" { // only the kernel can end it
				select {}
			}
			os.Exit(3)
		}
	}
}

func obey(l net.Listener, m cluster.Membership) {
	for {
		conn, err := l.Accept()
		if err != nil {
			panic(err)
		}
		line, _ := bufio.NewReader(conn).ReadString('\n')
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		answer := "ok"
		switch word {
		case "claim":
			if _, err := m.Claim(context.Background(), rest); err != nil {
				answer = err.Error()
			}
		case "release":
			if err := m.Release(context.Background(), rest, ""); err != nil {
				answer = err.Error()
			}
		case "rooms": // that it says it has
			n, _ := strconv.Atoi(rest)
			if err := m.Update(context.Background(), cluster.Host{Capacity: 1, Rooms: n}); err != nil {
				answer = err.Error()
			}
		case "crash":
			os.Exit(2)
		case "exit":
			os.Exit(0)
		case "spin": // processor time used in a second on as many processors as there are
			answer = fmt.Sprint(spin(time.Second).Milliseconds())
		case "eat": // memory, without end
			go func() {
				var all [][]byte
				for {
					b := make([]byte, 1<<20)
					for i := range b {
						b[i] = 1
					}
					all = append(all, b)
					runtime.KeepAlive(all)
				}
			}()
		}
		fmt.Fprintln(conn, answer)
		conn.Close()
	}
}

func spin(d time.Duration) time.Duration {
	var before, after syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	done := make(chan struct{})
	for range 2 {
		go func() {
			for began := time.Now(); time.Since(began) < d; {
			}
			done <- struct{}{}
		}()
	}
	<-done
	<-done
	syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	return time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
}

// playSupervisor keeps three children and prints their process ids, and then waits to be killed.
func playSupervisor(dir string) {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	registry := memory.New()
	l, err := ipc.Listen(registrySocket(dir))
	if err != nil {
		panic(err)
	}
	go func() {
		panic(socket.Serve(context.Background(), l, registry, time.Minute, log))
	}()
	p, err := process.New(process.Options{Dir: dir, Registry: registry, Command: command("stubborn"), Log: log})
	if err != nil {
		panic(err)
	}
	if err := p.Scale(context.Background(), cluster.Want{Free: 3}); err != nil {
		panic(err)
	}
	select {}
}
