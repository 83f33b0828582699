package sqlite

import (
	"database/sql/driver"
	"sync/atomic"
	"time"
)

// checkpointPages is the length of the log, in pages of 4 KiB, at which a commit checkpoints it to the end so that it
// starts over. The checkpointer sees to it that little is left to do then.
const checkpointPages = "4000"

// checkpointEvery is how often the log is copied into the file while there are commits.
const checkpointEvery = time.Second

// checkpointer copies the log into the database file beside the committer, which would otherwise do it all in one
// commit and let every room wait.
type checkpointer struct {
	c     *conn
	dirty atomic.Bool // there were commits since the last round
	quit  chan struct{}
	done  chan struct{}
}

func newCheckpointer(path string) (*checkpointer, error) {
	c, err := openConn(path, "synchronous(full)", "wal_autocheckpoint(0)")
	if err != nil {
		return nil, err
	}
	k := &checkpointer{c: c, quit: make(chan struct{}), done: make(chan struct{})}
	go k.run()
	return k, nil
}

func (k *checkpointer) run() {
	defer close(k.done)
	ticker := time.NewTicker(checkpointEvery)
	defer ticker.Stop()
	for {
		select {
		case <-k.quit:
			return
		case <-ticker.C:
		}
		if k.dirty.Swap(false) {
			// PASSIVE waits for nobody. If it fails, on a full disk for example, the log stays longer; nothing is lost.
			_ = k.c.query(`PRAGMA wal_checkpoint(PASSIVE)`, func([]driver.Value) error { return nil })
		}
	}
}

func (k *checkpointer) close() error {
	close(k.quit)
	<-k.done
	return k.c.close()
}
