// Package procfs reads what a process costs from Linux' /proc: CPU time and resident memory, of one process or of it
// and its descendants.
package procfs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// tick is the unit of the times in /proc/PID/stat. It is 100 Hz on every architecture that Go supports on Linux.
const tick = time.Second / 100

// Usage is what a process has used up to now.
type Usage struct {
	CPU time.Duration // user and system, resolution 10 ms; of finished children only as far as they were waited for
	RSS int64         // resident memory in bytes
}

// Read takes the usage of process pid, and with descendants also of all processes that it started.
func Read(pid int, descendants bool) (Usage, error) {
	root, err := readStat(pid)
	if err != nil {
		return Usage{}, fmt.Errorf("reading the CPU and memory of process %d: %w", pid, err)
	}
	total := root.usage
	if !descendants {
		return total, nil
	}
	for _, s := range below(pid) {
		total.CPU += s.usage.CPU
		total.RSS += s.usage.RSS
	}
	return total, nil
}

// stat is the part of /proc/PID/stat that is of use here (proc_pid_stat(5)).
type stat struct {
	pid, parent int
	usage       Usage
}

func readStat(pid int) (stat, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, err
	}
	return parseStat(pid, data)
}

func parseStat(pid int, data []byte) (stat, error) {
	// The second field, the command, is in parentheses and may contain anything, also parentheses and spaces.
	end := bytes.LastIndexByte(data, ')')
	fields := bytes.Fields(data[end+1:])
	if end < 0 || len(fields) < 22 {
		return stat{}, fmt.Errorf("unexpected format: %q", data)
	}
	number := func(field int) int64 { // numbered as in the manual: state is field 3
		v, _ := strconv.ParseInt(string(fields[field-3]), 10, 64)
		return v
	}
	return stat{
		pid:    pid,
		parent: int(number(4)),
		usage: Usage{
			CPU: time.Duration(number(14)+number(15)) * tick,
			RSS: number(24) * int64(os.Getpagesize()),
		},
	}, nil
}

// Busy is the CPU time that all processes of this machine have used since it started, on all cores together.
func Busy() (time.Duration, error) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("reading the machine's CPU time: %w", err)
	}
	return parseBusy(data)
}

// parseBusy adds up user, nice, system, irq and softirq of the first line of /proc/stat (proc(5)), and steal: time that
// other virtual machines took.
func parseBusy(data []byte) (time.Duration, error) {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 9 || string(fields[0]) != "cpu" {
		return 0, fmt.Errorf("/proc/stat begins with %q", line)
	}
	var ticks int64
	for _, i := range []int{1, 2, 3, 6, 7, 8} {
		v, err := strconv.ParseInt(string(fields[i]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		ticks += v
	}
	return time.Duration(ticks) * tick, nil
}

// below lists the processes that descend from pid. Processes that end meanwhile are left out.
func below(pid int) []stat {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	children := map[int][]stat{}
	for _, dir := range dirs {
		id, _ := strconv.Atoi(filepath.Base(dir))
		if s, err := readStat(id); err == nil {
			children[s.parent] = append(children[s.parent], s)
		}
	}
	var all []stat
	queue := []int{pid}
	for len(queue) > 0 {
		found := children[queue[0]]
		queue = queue[1:]
		for _, s := range found {
			all = append(all, s)
			queue = append(queue, s.pid)
		}
	}
	return all
}
