package harness

import (
	"os/exec"
	"path/filepath"
	"strings"
)

// Output is what a program says, run in the repository, without space around it.
func Output(program string, args ...string) string {
	cmd := exec.Command(program, args...)
	cmd.Dir = Root()
	text, err := cmd.Output()
	if err != nil {
		return "(unknown)"
	}
	return strings.TrimSpace(string(text))
}

// PostgresVersion is that of the newest PostgreSQL of Debian's packages, or of the one in PATH.
func PostgresVersion() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		found = []string{"postgres"}
	}
	version, _, _ := strings.Cut(strings.Replace(Output(found[len(found)-1], "--version"), "postgres (PostgreSQL)", "PostgreSQL", 1), " (")
	return version
}

// VersitygwVersion is that of the S3 server in bin/tools.
func VersitygwVersion() string {
	for line := range strings.Lines(Output("go", "version", "-m", filepath.Join("bin", "tools", "versitygw"))) {
		if fields := strings.Fields(line); len(fields) >= 3 && fields[0] == "mod" && fields[1] == "github.com/versity/versitygw" {
			return fields[2]
		}
	}
	return "(unknown)"
}

// EtcdVersion is that of the etcd in PATH.
func EtcdVersion() string {
	first, _, _ := strings.Cut(Output("etcd", "--version"), "\n")
	return strings.Replace(first, "etcd Version:", "etcd", 1)
}
