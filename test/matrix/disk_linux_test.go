package matrix

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/symphony-rtc/symphony/test/harness"
)

// fullDisk leaves no space on a small file system, and makes space again.
func fullDisk(what string, after func(w *world)) fault {
	return fault{
		what: what,
		begin: func(w *world) func() {
			ballast := harness.FillDisk(w.t, w.disk)
			return func() {
				w.must(os.Remove(ballast))
				if after != nil {
					after(w)
				}
			}
		},
		hold: seconds,
	}
}

func init() {
	scenarios = append(scenarios,
		scenario{name: "full-disk-embedded", storage: embeddedOnly, short: 3, fault: fullDisk("disk full under the data directory", nil),
			setUp: func(w *world) {
				w.disk = harness.SmallDisk(w.t, "size=48m")
				w.hosts[0].Data = w.disk
			}},
		scenario{name: "full-disk-postgres", storage: ownPostgresAndS3, short: 3,
			// Postgres ends when its log cannot grow; who runs it starts it again.
			fault: fullDisk("disk full under Postgres", func(w *world) {
				w.postgres.Kill()
				w.must(w.postgres.Start())
			}),
			setUp: func(w *world) {
				w.disk = harness.SmallDisk(w.t, "size=200m")
				w.t.Cleanup(w.postgres.Kill) // before the disk goes
				w.must(w.postgres.MoveTo(w.disk))
			}},
		scenario{name: "full-disk-s3", storage: ownPostgresAndS3, short: 3, fault: fullDisk("disk full under the S3 server", nil),
			setUp: func(w *world) {
				w.disk = w.bucket.Dir
				w.bucket.Stop()
				w.must(unix.Mount("tmpfs", w.disk, "tmpfs", 0, "size=24m"))
				w.t.Cleanup(func() {
					w.bucket.Kill()
					w.must(unix.Unmount(w.disk, unix.MNT_DETACH))
				})
				w.must(os.Mkdir(filepath.Join(w.disk, "snapshots"), 0o700))
				w.must(w.bucket.Start())
			}})
}
