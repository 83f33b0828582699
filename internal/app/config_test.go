package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func load(t *testing.T, text string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "symphony.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Default()
	return c, LoadFile(&c, path)
}

func TestFileChangesWhatItNames(t *testing.T) {
	c, err := load(t, "addr: :9000\norigins: [https://a.example, https://b.example]\nlimits:\n  message: 2MiB\nroom: {grace: 1m}\nlog:\n")
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Addr, want.Origins, want.Limits.Message, want.Room.Grace =
		":9000", []string{"https://a.example", "https://b.example"}, 2<<20, time.Minute
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
}

func TestFileOfCommentsChangesNothing(t *testing.T) {
	for _, text := range []string{"", "# addr: :9000\n", "---\n"} {
		if c, err := load(t, text); err != nil || !cmp.Equal(c, Default()) {
			t.Errorf("%q: %v, %+v", text, err, c)
		}
	}
}

func TestFileErrorsNameLineAndNextStep(t *testing.T) {
	for text, want := range map[string]string{
		"addr: :1\nadrr: :9000\n":         `:2: unknown setting "adrr": did you mean "addr"?`,
		"limits:\n  room_member: 3\n":     `:2: unknown setting "limits.room_member": did you mean "limits.room_members"?`,
		"grace: 3s\n":                     `unknown setting "grace": did you mean "room.grace"?`,
		"something_else_entirely: 1\n":    "symphony config --list",
		"room:\n  grace: soon\n":          `:2: setting "room.grace": "soon" is not a duration`,
		"limits:\n  queue: -1\n":          "is not an amount of bytes",
		"limits:\n  connections: many\n":  `"many" is not a whole number`,
		"addr: [a, b]\n":                  "takes one value",
		"addr: {a: b}\n":                  "takes a value",
		"addr:\n":                         "has no value",
		"addr: a:1\naddr: b:2\n":          "twice",
		"- addr\n":                        "expected settings",
		"limits: 3\n":                     "expected settings",
		"addr: \"unterminated\nroom: [\n": "yaml",
		"origins:\n  - {not: text}\n":     "takes a list of texts",
		"log.level: debug\n":              "under log",
	} {
		if _, err := load(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	c := Default()
	unknown, err := LoadEnv(&c, []string{
		"HOME=/root", "SYMPHONY_ADDR=:9001", "SYMPHONY_LIMITS_ROOM_MEMBERS=7", "SYMPHONY_ORIGINS=https://a.example, https://b.example",
		"SYMPHONY_ADR=x", "SYMPHONY_PORT_8080_TCP=tcp://10.0.0.1", "SYMPHONY_CONFIG=f.yaml",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Addr, want.Limits.RoomMembers, want.Origins = ":9001", 7, []string{"https://a.example", "https://b.example"}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"SYMPHONY_ADR", "SYMPHONY_PORT_8080_TCP"}, unknown); diff != "" {
		t.Error(diff)
	}
	if meant, ok := NearestEnv("SYMPHONY_ADR"); !ok || meant != "SYMPHONY_ADDR" {
		t.Errorf("nearest: %q %v", meant, ok)
	}
	for _, name := range []string{"SYMPHONY_PORT_8080_TCP", "SYMPHONY_PORT", "SYMPHONY_SERVICE_HOST"} { // set by Kubernetes
		if meant, ok := NearestEnv(name); ok {
			t.Errorf("%s is taken for %s", name, meant)
		}
	}
	if _, err := LoadEnv(&c, []string{"SYMPHONY_ROOM_GRACE=1"}); err == nil || !strings.Contains(err.Error(), "SYMPHONY_ROOM_GRACE") {
		t.Errorf("bad value: %v", err)
	}
}

func TestPrintedConfigurationReadsBack(t *testing.T) {
	c := Default()
	c.Addr, c.Origins, c.Limits.Queue, c.Log.Level = "[::1]:0", []string{"*", `"quoted" # not a comment`}, 1000, "null"
	back, err := load(t, ConfigYAML(c))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, back); diff != "" {
		t.Error(diff)
	}
}

func TestEverySettingTakesItsOwnValueAndHasADoc(t *testing.T) {
	c := Default()
	names := map[string]bool{}
	for _, s := range Settings(&c) {
		if names[s.Name] || s.Name == "" || strings.HasSuffix(s.Name, ".") || s.Doc == "" {
			t.Errorf("setting %q: name taken or doc missing", s.Name)
		}
		names[s.Name] = true
		if err := s.Set(s.String()); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
	if diff := cmp.Diff(Default(), c); diff != "" {
		t.Error(diff)
	}
	if err := c.Validate(); err != nil {
		t.Errorf("the defaults are not valid: %v", err)
	}
}

func TestValidateSaysWhatIsWrong(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"setting addr":               func(c *Config) { c.Addr = "8080" },
		"port between":               func(c *Config) { c.Addr = ":99999" },
		"setting data":               func(c *Config) { c.Data = "" },
		"setting origins":            func(c *Config) { c.Origins = []string{"https://a.example/path"} },
		"setting limits.message":     func(c *Config) { c.Limits.Message = 0 },
		"setting limits.connections": func(c *Config) { c.Limits.Connections = -1 },
		"setting room.snapshot":      func(c *Config) { c.Room.Snapshot = 0 },
		"setting ping.interval":      func(c *Config) { c.Ping.Interval = -time.Second },
	} {
		c := Default()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	c := Default()
	c.Addr, c.Room.Grace, c.Origins = ":0", 0, []string{"*", "*.example.com", "https://*.example.com"}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

// The page is generated: `go run ./cmd/symphony config --list > docs/configuration.md`.
func TestConfigurationPageIsCurrent(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(SettingsMarkdown(), string(page)); diff != "" {
		t.Errorf("docs/configuration.md is out of date, write it anew with `make docs`:\n%s", diff)
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]Bytes{"0": 0, "12": 12, "1KiB": 1024, "3 MiB": 3 << 20, "2GB": 2e9, "5kB": 5000, "7B": 7} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want {
			t.Errorf("%q: %d, %v", text, b, err)
		}
		var back Bytes
		if err := back.UnmarshalText([]byte(b.String())); err != nil || back != b {
			t.Errorf("%d is printed as %q", b, b.String())
		}
	}
	for _, text := range []string{"", "x", "-1", "1.5MiB", "99999999999GiB", "MiB"} {
		if err := new(Bytes).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for an amount", text)
		}
	}
}

// The command line would refuse to start with two flags of one name; these are its own.
func TestEveryFlagHasOneMeaning(t *testing.T) {
	taken := map[string]string{"config": "the command", "list": "the command", "help": "the command"}
	for _, s := range Settings(new(Config)) {
		for _, flag := range []string{s.Flag, s.Alias} {
			if other, is := taken[flag]; is {
				t.Errorf("--%s of %s is a flag of %s, too", flag, s.Name, other)
			}
			if flag != "" {
				taken[flag] = s.Name
			}
		}
	}
}
