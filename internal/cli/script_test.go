package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts in testdata run the command line as processes of their own, as people do.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"symphony": func() { os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"ADDR", "OTHER", "ETCD", "PEER"} {
				addr, err := freeAddr()
				if err != nil {
					return err
				}
				env.Setenv(name, addr)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exitcode": exitCode,
			"serving":  serving,
			"get":      get,
			"hold":     hold,
			"gone":     gone,
			"database": database,
			"damage":   damage,
			"write":    write,
			"stored":   stored,
			"await":    await,
		},
		Condition: condition,
	})
}

func freeAddr() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// exitCode runs a command and wants exactly that exit code: exitcode 2 symphony dev --nonsense
func exitCode(ts *testscript.TestScript, _ bool, args []string) {
	got := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v: %v", args[1:], err)
		}
		got = fmt.Sprint(exit.ExitCode())
	}
	if got != args[0] {
		ts.Fatalf("%v: exit code %s, want %s", args[1:], got, args[0])
	}
}

// serving waits until the server at an address is ready.
func serving(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(time.Minute); ; {
		answer, err := http.Get("http://" + args[0] + "/readyz")
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(end) {
			ts.Fatalf("no server at %s: %v", args[0], err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// get asks for a URL and wants a status and a body that matches: get 200 http://... 'pattern'
func get(ts *testscript.TestScript, _ bool, args []string) {
	answer, err := http.Get(args[1])
	ts.Check(err)
	var body bytes.Buffer
	_, err = body.ReadFrom(answer.Body)
	ts.Check(err)
	ts.Check(answer.Body.Close())
	if fmt.Sprint(answer.StatusCode) != args[0] || !regexp.MustCompile(args[2]).Match(body.Bytes()) {
		ts.Fatalf("%s: %d %s", args[1], answer.StatusCode, body.Bytes())
	}
}

// hold joins a room as a member that does not hang up when it is told to, until the script has ended.
func hold(ts *testscript.TestScript, _ bool, args []string) {
	conn, err := net.Dial("tcp", args[0])
	ts.Check(err)
	ts.Defer(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "GET /rooms/demo HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", args[0])
	ts.Check(err)
	status, err := bufio.NewReader(conn).ReadString('\n')
	ts.Check(err)
	if !strings.Contains(status, "101") {
		ts.Fatalf("not upgraded: %s", status)
	}
}

// gone waits until nobody listens at an address.
func gone(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(time.Minute); ; {
		conn, err := net.Dial("tcp", args[0])
		if err != nil {
			return
		}
		_ = conn.Close()
		if time.Now().After(end) {
			ts.Fatalf("there is still a server at %s", args[0])
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Every script is one .txtar file; a misspelt ending would never run.
func TestScriptsHaveTheRightEnding(t *testing.T) {
	all, err := filepath.Glob(filepath.Join("testdata", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		if filepath.Ext(path) != ".txtar" {
			t.Errorf("%s is no script", path)
		}
	}
}
