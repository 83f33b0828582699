package cli

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

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
