package process

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// limits are what one child may use; 0 means all there is.
type limits struct {
	memory     int64   // bytes
	processors float64 // of them
}

// groupPrefix begins the names of our control groups, which are below that of this process.
const groupPrefix = "symphony-"

// cpuPeriod is the time in which a child may use its share of processor time.
const cpuPeriod = 100 * time.Millisecond

// confinement makes control groups (cgroups(7)) below the one of this process, with version 2 or version 1 of them, as
// the machine has it.
type confinement struct {
	limits
	unified     string // version 2: the directory of this process's group; "" with version 1
	memory, cpu string // version 1: the same; "" if not needed
	settled     string // version 2: the group that this process moved into to make room for limits; "" if none
}

// confine finds out whether groups with limits can be made. The error says why not.
func confine(l limits) (*confinement, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	mine, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	c, err := findGroups(l, string(mounts), string(mine), controllers)
	if err != nil {
		return nil, err
	}
	c.sweep()
	if c.unified != "" {
		if err := c.enable(); err != nil {
			return nil, err
		}
	}
	probe, err := c.group("probe-" + newID())
	if err != nil {
		c.close()
		return nil, err
	}
	probe.remove()
	return c, nil
}

// enable has groups below this process's one limit what is needed. No process may be in a group whose children have
// limits, so this one moves into one of its own if it has to.
func (c *confinement) enable() error {
	control := filepath.Join(c.unified, "cgroup.subtree_control")
	var text string
	for _, controller := range c.needs() {
		text += "+" + controller + " "
	}
	err := write(control, text)
	if !errors.Is(err, syscall.EBUSY) {
		return err
	}
	c.settled = filepath.Join(c.unified, groupPrefix+"supervisor-"+newID())
	if err := os.Mkdir(c.settled, 0o755); err != nil {
		c.settled = ""
		return err
	}
	if err := write(filepath.Join(c.settled, "cgroup.procs"), "0"); err != nil {
		c.close()
		return err
	}
	if err := write(control, text); err != nil {
		c.close()
		return fmt.Errorf("%w (is there another process in the control group %s?)", err, c.unified)
	}
	return nil
}

// close undoes what enable did.
func (c *confinement) close() {
	if c == nil || c.settled == "" {
		return
	}
	// Best effort: the group of this process ends with the process anyway.
	for _, controller := range c.needs() {
		_ = write(filepath.Join(c.unified, "cgroup.subtree_control"), "-"+controller)
	}
	_ = write(filepath.Join(c.unified, "cgroup.procs"), "0")
	_ = os.Remove(c.settled)
}

// dirs are the directories of this process's groups.
func (c *confinement) dirs() (dirs []string) {
	for _, dir := range []string{c.unified, c.memory, c.cpu} {
		if dir != "" && !slices.Contains(dirs, dir) { // controllers can share a hierarchy
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// sweep removes groups that a process before this one left. One in which there is somebody cannot be removed; a new one may be
// about to get somebody, of another supervisor.
func (c *confinement) sweep() {
	for _, dir := range c.dirs() {
		left, _ := filepath.Glob(filepath.Join(dir, groupPrefix+"*"))
		for _, path := range left {
			if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > time.Minute {
				_ = syscall.Rmdir(path)
			}
		}
	}
}

// group is the control group of a child. A nil group has no limits.
type group struct {
	dirs    []string
	unified *os.File // version 2: the directory
	events  string   // file that counts kills for want of memory; "" if there is none
}

// group makes the group of a child.
func (c *confinement) group(id string) (g *group, err error) {
	g = &group{}
	defer func() {
		if err != nil {
			g.remove()
			g = nil
		}
	}()
	for _, above := range c.dirs() {
		dir := filepath.Join(above, groupPrefix+id)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return g, err
		}
		g.dirs = append(g.dirs, dir)
		if c.unified != "" {
			err = c.limitUnified(g, dir)
		} else {
			err = c.limitSplit(g, dir, above == c.memory, above == c.cpu)
		}
		if err != nil {
			return g, err
		}
	}
	return g, nil
}

// quota is the processor time per period in microseconds.
func (c *confinement) quota() int64 {
	return max(int64(c.processors*float64(cpuPeriod.Microseconds())), 1000)
}

func (c *confinement) limitUnified(g *group, dir string) (err error) {
	if g.unified, err = os.Open(dir); err != nil {
		return err
	}
	if c.limits.memory > 0 {
		g.events = filepath.Join(dir, "memory.events")
		if err := write(filepath.Join(dir, "memory.max"), strconv.FormatInt(c.limits.memory, 10)); err != nil {
			return err
		}
	}
	if c.processors > 0 {
		return write(filepath.Join(dir, "cpu.max"), fmt.Sprint(c.quota(), " ", cpuPeriod.Microseconds()))
	}
	return nil
}

// limitSplit is for a directory of version 1, which limits memory, processor time or both.
func (c *confinement) limitSplit(g *group, dir string, memory, cpu bool) error {
	if memory {
		g.events = filepath.Join(dir, "memory.oom_control")
		if err := write(filepath.Join(dir, "memory.limit_in_bytes"), strconv.FormatInt(c.limits.memory, 10)); err != nil {
			return err
		}
	}
	if !cpu {
		return nil
	}
	if err := write(filepath.Join(dir, "cpu.cfs_period_us"), strconv.FormatInt(cpuPeriod.Microseconds(), 10)); err != nil {
		return err
	}
	return write(filepath.Join(dir, "cpu.cfs_quota_us"), strconv.FormatInt(c.quota(), 10))
}

// write writes to a file of the kernel's.
func write(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// prepare has a child begin in the group (version 2).
func (g *group) prepare(a *syscall.SysProcAttr) {
	if g != nil && g.unified != nil {
		a.UseCgroupFD, a.CgroupFD = true, int(g.unified.Fd())
	}
}

// add puts a process into the group (version 1).
func (g *group) add(pid int) error {
	if g == nil || g.unified != nil {
		return nil
	}
	for _, dir := range g.dirs {
		if err := write(filepath.Join(dir, "cgroup.procs"), strconv.Itoa(pid)); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

// outOfMemory reports whether the kernel killed something in the group because its memory did not suffice.
func (g *group) outOfMemory() bool {
	if g == nil || g.events == "" {
		return false
	}
	b, _ := os.ReadFile(g.events)
	for line := range bytes.Lines(b) {
		if n, ok := bytes.CutPrefix(line, []byte("oom_kill ")); ok {
			return string(bytes.TrimSpace(n)) != "0"
		}
	}
	return false
}

// remove removes the group of a process that has ended. The kernel may need a moment for that; what is left is swept up at
// the next start.
func (g *group) remove() {
	if g == nil {
		return
	}
	if g.unified != nil {
		g.unified.Close()
	}
	for _, dir := range g.dirs {
		for range 20 {
			err := syscall.Rmdir(dir)
			if err == nil || errors.Is(err, fs.ErrNotExist) || !errors.Is(err, syscall.EBUSY) {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
}
