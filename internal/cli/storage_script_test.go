package cli

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/symphony-rtc/symphony/test/services"
)

// condition says whether [postgres] holds: whether there is a PostgreSQL to start.
func condition(name string) (bool, error) {
	if name != "postgres" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	installed, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	return len(installed) > 0, nil
}

// database starts a PostgreSQL with an empty database and puts its URL into a variable: database URL
func database(ts *testscript.TestScript, _ bool, args []string) {
	p, err := services.StartPostgres("fsync=off")
	ts.Check(err)
	ts.Defer(p.Remove)
	ts.Setenv(args[0], p.URL("postgres"))
}

// write joins a room, sends it a change of its document and leaves when that is durable: write ADDRESS ROOM
func write(ts *testscript.TestScript, _ bool, args []string) {
	conn, err := net.Dial("tcp", args[0])
	ts.Check(err)
	defer conn.Close()
	ts.Check(conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = fmt.Fprintf(conn, "GET /rooms/%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", args[1], args[0])
	ts.Check(err)
	// A masked binary frame with an update in the y-websocket protocol: client 1 inserts x at the beginning of the text t.
	message := []byte{0, 2, 11, 1, 1, 1, 0, 4, 1, 1, 't', 1, 'x', 0}
	_, err = conn.Write(append([]byte{0x82, 0x80 | byte(len(message)), 0, 0, 0, 0}, message...))
	ts.Check(err)
	waitFor(ts, "http://"+args[0]+"/v1/rooms/"+args[1]+"/document", `x`)
}

// stored waits until a room's snapshot has everything and nobody is in it: stored ADDRESS ROOM
func stored(ts *testscript.TestScript, _ bool, args []string) {
	waitFor(ts, "http://"+args[0]+"/v1/rooms/"+args[1], `"open":false`)
}

// await waits until the answer to a request contains a text: await http://... TEXT
func await(ts *testscript.TestScript, _ bool, args []string) { waitFor(ts, args[0], args[1]) }

// waitFor waits until the answer to a request contains a text.
func waitFor(ts *testscript.TestScript, url, text string) {
	for end := time.Now().Add(time.Minute); ; {
		answer, err := http.Get(url)
		ts.Check(err)
		body, err := io.ReadAll(answer.Body)
		ts.Check(err)
		ts.Check(answer.Body.Close())
		if strings.Contains(string(body), text) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s answers %s", url, body)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// damage does something bad to the only snapshot below a directory: damage flip|remove DIRECTORY
func damage(ts *testscript.TestScript, _ bool, args []string) {
	var found []string
	ts.Check(filepath.WalkDir(ts.MkAbs(args[1]), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".snap") {
			found = append(found, path)
		}
		return err
	}))
	if len(found) != 1 {
		ts.Fatalf("there are the snapshots %v, want one", found)
	}
	object, err := os.ReadFile(found[0])
	ts.Check(err)
	switch args[0] {
	case "flip":
		bad := bytes.Clone(object)
		bad[len(bad)-1] ^= 0xff
		ts.Check(os.WriteFile(found[0], bad, 0o600))
	case "remove":
		ts.Check(os.Remove(found[0]))
	default:
		ts.Fatalf("unknown damage %q", args[0])
	}
}
