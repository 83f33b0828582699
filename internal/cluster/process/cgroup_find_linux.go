package process

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// controllers returns what the group of version 2 in a directory can limit.
func controllers(dir string) []string {
	b, _ := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	return strings.Fields(string(b))
}

// findGroups finds the directories of this process's groups from the texts of /proc/self/mountinfo and /proc/self/cgroup.
func findGroups(l limits, mounts, mine string, controllers func(dir string) []string) (*confinement, error) {
	need := l.needs()
	if dir := groupDir(mounts, mine, ""); dir != "" && containsAll(controllers(dir), need) {
		return &confinement{limits: l, unified: dir}, nil
	}
	c := &confinement{limits: l}
	for _, controller := range need {
		dir := groupDir(mounts, mine, controller)
		if dir == "" {
			return nil, fmt.Errorf("there is no control group of this process that could limit %s", controller)
		}
		if controller == "memory" {
			c.memory = dir
		} else {
			c.cpu = dir
		}
	}
	return c, nil
}

// needs are the controllers that limits need.
func (l limits) needs() (need []string) {
	if l.memory > 0 {
		need = append(need, "memory")
	}
	if l.processors > 0 {
		need = append(need, "cpu")
	}
	return need
}

func containsAll(list, want []string) bool {
	return !slices.ContainsFunc(want, func(s string) bool { return !slices.Contains(list, s) })
}

// groupDir is the directory of this process's group in the hierarchy of a controller of version 1, or of version 2 if controller is
// empty; "" if there is none. See proc_pid_mountinfo(5) and cgroups(7).
func groupDir(mounts, mine, controller string) string {
	path, found := "", false
	for line := range strings.Lines(mine) { // hierarchy:controllers:path
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) == 3 && (controller == "" && parts[0] == "0" || controller != "" && slices.Contains(strings.Split(parts[1], ","), controller)) {
			path, found = parts[2], true
		}
	}
	if !found {
		return ""
	}
	for line := range strings.Lines(mounts) { // ... root mountpoint options fields - type source superoptions
		before, after, _ := strings.Cut(line, " - ")
		at, fs := strings.Fields(before), strings.Fields(after)
		if len(at) < 5 || len(fs) < 3 {
			continue
		}
		if fs[0] == "cgroup2" && controller == "" || fs[0] == "cgroup" && controller != "" && slices.Contains(strings.Split(fs[2], ","), controller) {
			root, point := at[3], at[4]
			if rest, ok := strings.CutPrefix(path, strings.TrimSuffix(root, "/")); ok && (rest == "" || rest[0] == '/') {
				return filepath.Join(point, rest)
			}
			return point
		}
	}
	return ""
}
