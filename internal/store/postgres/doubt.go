package postgres

import (
	"errors"
	"sync"

	"github.com/symphony-rtc/symphony/internal/room"
)

// doubts are the rooms with a transaction of which nobody knows whether it was committed. A room's doubt ends with its
// next transaction, which could not have locked the room's row before the one in doubt was decided. The zero value is
// ready. Safe for concurrent use.
type doubts struct {
	mu    sync.Mutex
	rooms map[string]struct{}
	wait  []chan struct{}
}

// note enters the outcome of a transaction about a room.
func (d *doubts) note(id string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case isUncertain(err):
		if d.rooms == nil {
			d.rooms = make(map[string]struct{})
		}
		d.rooms[id] = struct{}{}
	case err == nil, errors.Is(err, room.ErrFenced):
		delete(d.rooms, id)
		if len(d.rooms) == 0 {
			for _, w := range d.wait {
				close(w)
			}
			d.wait = nil
		}
	}
}

func (d *doubts) settled() <-chan struct{} {
	c := make(chan struct{})
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.rooms) == 0 {
		close(c)
	} else {
		d.wait = append(d.wait, c)
	}
	return c
}
