package process

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Texts of real machines.
const (
	mounts2 = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
31 22 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate
`
	mounts1 = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`
)

func TestFindGroups(t *testing.T) {
	both := limits{memory: 1, processors: 1}
	has := func(list ...string) func(string) []string { return func(string) []string { return list } }
	for name, c := range map[string]struct {
		limits
		mounts, mine string
		controllers  func(string) []string
		want         confinement
		fails        bool
	}{
		"version 2":                {both, mounts2, "0::/system.slice/symphony.service\n", has("cpu", "memory", "pids"), confinement{unified: "/sys/fs/cgroup/system.slice/symphony.service"}, false},
		"root of a container":      {both, mounts2, "0::/\n", has("cpu", "memory"), confinement{unified: "/sys/fs/cgroup"}, false},
		"version 2 without memory": {both, mounts2, "0::/a\n", has("cpu"), confinement{}, true},
		"version 1":                {both, mounts1, "5:cpu,cpuacct:/user\n4:memory:/docker/abc/x\n0::/\n", has("hugetlb"), confinement{memory: "/sys/fs/cgroup/memory/x", cpu: "/sys/fs/cgroup/cpu,cpuacct/user"}, false},
		"elsewhere in version 1":   {limits{memory: 1}, mounts1, "4:memory:/other\n", has(), confinement{memory: "/sys/fs/cgroup/memory"}, false},
		"memory only":              {limits{memory: 1}, mounts1, "4:memory:/docker/abc\n", has(), confinement{memory: "/sys/fs/cgroup/memory"}, false},
		"none":                     {both, "", "", has(), confinement{}, true},
	} {
		got, err := findGroups(c.limits, c.mounts, c.mine, c.controllers)
		if (err != nil) != c.fails {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c.want.limits = c.limits
		if err == nil && *got != c.want {
			t.Errorf("%s: %+v, want %+v", name, *got, c.want)
		}
	}
}

// TestUnifiedGroup starts a process in a group of version 2 of this machine, with no limits, which need controllers.
func TestUnifiedGroup(t *testing.T) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	mine, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	dir := groupDir(string(mounts), string(mine), "")
	if dir == "" {
		t.Skip("this machine has no control groups of version 2")
	}
	c := &confinement{unified: dir}
	g, err := c.group("test-" + newID())
	if err != nil {
		t.Skipf("no group can be made in %s: %v", dir, err)
	}
	defer g.remove()
	cmd := exec.Command("/bin/cat", "/proc/self/cgroup")
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	g.prepare(cmd.SysProcAttr)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), filepath.Base(g.dirs[0])) {
		t.Errorf("the process is in\n%s", out)
	}
	g.remove()
	if _, err := os.Stat(g.dirs[0]); !os.IsNotExist(err) {
		t.Errorf("the group is left: %v", err)
	}
}

// TestOutput passes on lines in any pieces.
func TestOutput(t *testing.T) {
	const in = `{"time":"2026-11-23T10:00:00.5Z","level":"ERROR","msg":"it failed","room":"a b","n":5,"group":{"x":[1,null]}}
{"level":"DEBUG","msg":"not worth it"}
time=2026-11-23 level=INFO msg="text"
{"no":"message"}
{broken
goroutine 1 [running]:

last`
	var want []string
	for _, cut := range []int{1, 3, 7, 1000} {
		var log bytes.Buffer
		o := &output{log: slog.New(slog.NewJSONHandler(&log, nil)).With("host", "h")}
		for rest := []byte(in); len(rest) > 0; {
			n := min(1+rand.IntN(cut), len(rest))
			if written, err := o.Write(rest[:n]); written != n || err != nil {
				t.Fatal(written, err)
			}
			rest = rest[n:]
		}
		o.flush()
		var got []string
		for line := range bytes.Lines(log.Bytes()) {
			var e map[string]any
			if err := json.Unmarshal(line, &e); err != nil {
				t.Fatal(err)
			}
			if e["host"] != "h" {
				t.Errorf("without the host: %s", line)
			}
			got = append(got, e["level"].(string)+" "+e["msg"].(string))
		}
		want = []string{"ERROR it failed", "WARN time=2026-11-23 level=INFO msg=\"text\"", `WARN {"no":"message"}`, "WARN {broken", "WARN goroutine 1 [running]:", "WARN last"}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got %q\nwant %q", got, want)
		}
		first, _, _ := strings.Cut(log.String(), "\n")
		if !strings.Contains(first, `"time":"2026-11-23T10:00:00.5Z"`) || !strings.HasSuffix(first, `"room":"a b","n":5,"group":{"x":[1,null]}}`) {
			t.Errorf("the first line became %s", first)
		}
	}
	var log bytes.Buffer
	o := &output{log: slog.New(slog.NewTextHandler(&log, nil))}
	long := bytes.Repeat([]byte("x"), 3*maxLine+5)
	o.Write(long)
	o.flush()
	if n := strings.Count(log.String(), "\n"); n != 4 || strings.Count(log.String(), "x") != len(long) {
		t.Errorf("a long line became %d lines", n)
	}
}

// TestBackoff: pauses grow with failures in a row, and begin anew after something was stable.
func TestBackoff(t *testing.T) {
	o, err := Options{RetryMin: time.Second, RetryMax: time.Minute, Stable: time.Hour}.withDefaults()
	if err == nil {
		t.Fatal("options without a registry are fine")
	}
	o.RetryMin, o.RetryMax, o.Stable = time.Second, time.Minute, time.Hour
	k := &keeper{o: o, children: make(map[string]*child)}
	longest := time.Duration(0)
	for i := range 200 {
		k.fail()
		pause := time.Until(k.notBefore)
		if limit := min(time.Minute, time.Second<<min(i, 20)); pause > limit {
			t.Errorf("failure %d: pause of %v, at most %v", i, pause, limit)
		}
		longest = max(longest, pause)
	}
	if longest < 20*time.Second {
		t.Errorf("the longest of 200 pauses is %v", longest)
	}
	k.failed = time.Now().Add(-3 * time.Hour)
	k.children["old"] = &child{present: true, started: time.Now().Add(-4 * time.Hour)} // was there before
	k.fail()
	if k.failures < 200 {
		t.Error("what was there before says nothing about what is started now")
	}
	k.failed = time.Now().Add(-3 * time.Hour)
	k.children["new"] = &child{present: true, started: time.Now().Add(-2 * time.Hour)}
	k.fail()
	if k.failures != 1 {
		t.Errorf("%d failures after something was stable", k.failures)
	}
}

// TestSocketDir removes what a killed process left, and nothing that is used.
func TestSocketDir(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "")
	above, err := os.MkdirTemp("/tmp", "s")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(above)
	t.Setenv("TMPDIR", above)
	left := filepath.Join(above, dirPrefix+"left")
	if err := os.Mkdir(left, 0o700); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(above, dirPrefix+"data") // somebody's, by whatever chance
	if err := os.Mkdir(foreign, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(left, lockName), filepath.Join(foreign, lockName), filepath.Join(foreign, "data")} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("unix", filepath.Join(left, "registry"))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	used, remove, err := SocketDir()
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	for _, dir := range []string{left, used, foreign} {
		if err := os.Chtimes(filepath.Join(dir, lockName), old, old); err != nil {
			t.Fatal(err)
		}
	}
	other, removeOther, err := SocketDir()
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Dir(other) != above || other == used {
		t.Errorf("the directories are %s and %s", used, other)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("what was left is still there: %v", err)
	}
	if info, err := os.Stat(used); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory in use: %v", err)
	}
	if _, err := os.Stat(filepath.Join(foreign, "data")); err != nil {
		t.Errorf("what is none of ours: %v", err)
	}
	remove()
	removeOther()
	os.RemoveAll(foreign)
	if list, err := os.ReadDir(above); err != nil || len(list) != 0 {
		t.Errorf("left: %v, %v", list, err)
	}
}
