package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/symphony-rtc/symphony/"

// mayImport says which parts of the module a part may import: ARCHITECTURE.md's house, from the roof down. A name stands
// for the package and everything below it; for each package the longest name counts.
var mayImport = map[string][]string{
	"cmd/symphony":                   {"internal/cli"},
	"internal/cli":                   {"internal/app", "internal/bench", "internal/doctor", "internal/telemetry", "internal/archive", "internal/roomid"},
	"internal/app":                   {"examples", "internal/admin", "internal/cluster", "internal/ipc", "internal/proxy", "internal/doctor", "internal/gateway", "internal/ipc", "internal/link", "internal/manage", "internal/room", "internal/store", "internal/telemetry", "internal/ws"},
	"internal/bench":                 {"internal/bench", "crdt", "protocol"},
	"internal/bench/placement":       {"internal/cluster"},
	"internal/cluster/kubernetes":    {"internal/cluster"},
	"internal/cluster/placement":     {"internal/cluster"},
	"internal/cluster/pool":          {"internal/cluster"},
	"internal/gateway":               {"internal/room", "internal/roomid", "internal/ws", "protocol"},
	"internal/proxy":                 {"internal/cluster", "internal/link", "internal/roomid", "internal/ws", "crdt/lib0", "protocol"},
	"internal/link":                  {"internal/ws"},
	"internal/ws":                    {"internal/roomid", "protocol"},
	"internal/admin":                 {"internal/archive", "internal/cluster", "internal/manage", "internal/room", "internal/roomid", "internal/store", "crdt", "protocol"},
	"internal/manage":                {"internal/archive", "internal/room", "internal/store", "crdt", "protocol"},
	"internal/archive":               {"internal/roomid"},
	"internal/cluster":               {"internal/cluster"},
	"internal/cluster/clustertest":   {"internal/cluster"},
	"internal/cluster/etcd":          {"internal/cluster"},
	"internal/cluster/memory":        {"internal/cluster"},
	"internal/cluster/member":        {"internal/cluster", "protocol"},
	"internal/cluster/process":       {"internal/cluster"},
	"internal/cluster/socket":        {"internal/cluster", "internal/ipc"},
	"internal/doctor":                {"internal/manage", "internal/room", "internal/store", "crdt", "protocol"},
	"internal/store":                 {"internal/store", "internal/room", "internal/roomid"},
	"internal/store/journal":         {"internal/store", "internal/room"},
	"internal/store/records":         {"internal/store", "internal/room"},
	"internal/store/sqlite":          {"internal/store", "internal/store/journal", "internal/store/records", "internal/room"},
	"internal/store/postgres":        {"internal/store", "internal/store/journal", "internal/store/records", "internal/room"},
	"internal/store/snapdir":         {"internal/store"},
	"internal/store/cloud":           {"internal/store"},
	"internal/store/cloud/cloudtest": {"internal/store", "test/services"},
	"internal/store/s3":              {"internal/store", "internal/store/cloud"},
	"internal/store/gcs":             {"internal/store", "internal/store/cloud"},
	"internal/store/azblob":          {"internal/store", "internal/store/cloud"},
	"internal/store/objects":         {"internal/store", "internal/store/s3", "internal/store/gcs", "internal/store/azblob", "internal/store/snapdir"},
	"internal/store/embedded":        {"internal/store", "internal/store/journal", "internal/store/sqlite", "internal/store/snapdir", "internal/room"},
	"internal/store/remote":          {"internal/store", "internal/store/journal", "internal/room", "internal/ipc"},
	"internal/room":                  {"crdt", "protocol"},
	"internal/roomid":                {},
	"internal/ipc":                   {},
	"internal/telemetry":             {},
	"protocol":                       {"crdt/lib0"},
	"crdt":                           {"crdt"},
	"crdt/lib0":                      {},
	"examples":                       {},
	"bench":                          {"crdt"},
	"test":                           {"crdt", "protocol", "internal", "test"},
}

// mayNotImport says which packages from elsewhere a part may not import directly; for each package the longest name
// counts, and a name of an import stands for everything below it.
var mayNotImport = map[string][]string{
	"internal/room":              {"net", "os", "syscall", "database", "golang.org/x/sys"},
	"internal/store":             {"net"},
	"internal/store/remote":      {"net/http", "database", "os"},
	"internal/store/cloud":       {"database", "os"},
	"internal/store/s3":          {"database", "os"},
	"internal/store/gcs":         {"database"},
	"internal/store/azblob":      {"database"},
	"internal/roomid":            {"net/http", "os"},
	"internal/telemetry":         {"database"},
	"internal/admin":             {"database", "os"},
	"internal/gateway":           {"database", "os/exec"},
	"internal/cluster/placement": {"net", "os", "syscall", "database"},
	"internal/cluster/pool":      {"net", "os", "syscall", "database"},
	"protocol":                   {"net", "os", "syscall", "database"},
	"crdt":                       {"net", "os", "syscall", "database", "log", "time"},
	"crdt/internal/b4":           {"net", "database"}, // reads the editing trace for tests and benchmarks
}

// onlyIn says which parts may import a package at all: each outside library is behind one door.
var onlyIn = map[string][]string{
	"database/sql":                         {"internal/store/sqlite"},
	"modernc.org/sqlite":                   {"internal/store/sqlite"},
	"github.com/pressly/goose":             {"internal/store/sqlite"},
	"github.com/jackc/pgx":                 {"internal/store/postgres", "test/services"},
	"github.com/prometheus":                {"internal/telemetry"},
	"github.com/spf13":                     {"internal/cli"},
	"go.yaml.in/yaml":                      {"internal/app"},
	"github.com/aws":                       {"internal/store/s3"},
	"github.com/Azure":                     {"internal/store/azblob", "test/services"},
	"golang.org/x/oauth2":                  {"internal/store/gcs"},
	"go.etcd.io":                           {"internal/cluster/etcd"},
	"github.com/klauspost/compress":        {"internal/archive", "internal/store"},
	module + "internal/store/s3":           {"internal/store/objects"},
	module + "internal/store/gcs":          {"internal/store/objects"},
	module + "internal/store/azblob":       {"internal/store/objects"},
	module + "internal/store/embedded":     {"internal/app"},
	module + "internal/store/postgres":     {"internal/app"},
	module + "internal/store/sqlite":       {"internal/store/embedded"},
	module + "internal/store/snapdir":      {"internal/store/embedded", "internal/store/objects"},
	"k8s.io":                               {"internal/cluster/kubernetes", "test/k8s"},
	module + "internal/cluster/etcd":       {"internal/app"},
	module + "internal/gateway":            {"internal/app"},
	module + "internal/admin":              {"internal/app"},
	module + "internal/cluster/kubernetes": {"internal/app", "test/k8s"},
}

type goPackage struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func (p goPackage) name() string { return strings.TrimPrefix(p.ImportPath, module) }

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", module+"...")
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, problems.String())
	}
	var list []goPackage
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	if len(list) < 10 {
		t.Fatalf("go list found only %d packages", len(list))
	}
	return list
}

// below reports whether path is the package named or one below it.
func below(path, name string) bool { return path == name || strings.HasPrefix(path, name+"/") }

// longest returns the longest key that path is below.
func longest[V any](rules map[string]V, path string) (string, bool) {
	best, found := "", false
	for name := range rules {
		if below(path, name) && len(name) >= len(best) {
			best, found = name, true
		}
	}
	return best, found
}

func belowAny(path string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return below(path, name) })
}

func TestImportsRunDownwards(t *testing.T) {
	for _, p := range packages(t) {
		rule, ok := longest(mayImport, p.name())
		if !ok {
			t.Errorf("%s is in no part of the house: give it a place in mayImport and in ARCHITECTURE.md", p.name())
			continue
		}
		for _, path := range p.Imports {
			name, ours := strings.CutPrefix(path, module)
			if ours && !belowAny(name, mayImport[rule]) && !(below(name, rule) && below(p.name(), rule)) {
				t.Errorf("%s may not import %s (see mayImport)", p.name(), name)
			}
		}
	}
}

func TestPartsStayAwayFromTheOutside(t *testing.T) {
	for _, p := range packages(t) {
		rule, ok := longest(mayNotImport, p.name())
		if !ok {
			continue
		}
		for _, path := range p.Imports {
			if belowAny(path, mayNotImport[rule]) && path != "net/url" { // which is about text only
				t.Errorf("%s may not import %s (see mayNotImport)", p.name(), path)
			}
		}
	}
}

func TestEachLibraryHasOneDoor(t *testing.T) {
	for _, p := range packages(t) {
		for library, doors := range onlyIn {
			inside := below(p.ImportPath, library) || belowAny(p.name(), doors)
			for _, path := range p.Imports {
				if below(path, library) && !inside {
					t.Errorf("%s may not import %s: only %v may", p.name(), path, doors)
				}
			}
		}
	}
}

func TestNothingImportsTheCommandLine(t *testing.T) {
	for _, p := range packages(t) {
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			name, ours := strings.CutPrefix(path, module)
			switch {
			case !ours, below(p.name(), "internal/cli") && below(name, "internal/cli"):
			case below(name, "cmd"), below(name, "internal/cli") && p.name() != "cmd/symphony":
				t.Errorf("%s imports %s", p.name(), name)
			}
		}
	}
}
