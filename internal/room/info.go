package room

import (
	"errors"

	"github.com/symphony-rtc/symphony/crdt"
)

// Info describes a room that is open.
type Info struct {
	ID         string
	Members    int    // connections
	Present    int    // clients with a presence state
	Bytes      int    // memory of the document, about
	Updates    uint64 // number of the newest update
	Durable    uint64 // number of the newest durable update
	Saved      uint64 // number of the newest update in a snapshot
	Epoch      uint64
	Generation uint64
	Error      string // why storing does not work just now; empty if it does
}

// Open returns the rooms that are in memory and loaded, in no order.
func (h *Host) Open() []Info {
	rooms := h.open()
	infos := make([]Info, 0, len(rooms))
	for _, r := range rooms {
		if info, ok := r.info(); ok {
			infos = append(infos, info)
		}
	}
	return infos
}

// Info describes one room; false if it is not in memory.
func (h *Host) Info(id string) (Info, bool) {
	if r := h.get(id); r != nil {
		return r.info()
	}
	return Info{}, false
}

// View calls read with the document of a room that is in memory, while nothing else uses it: read must be quick and
// must not keep the document. It reports whether the room was in memory.
func (h *Host) View(id string, read func(*crdt.Doc)) bool {
	r := h.get(id)
	if r == nil {
		return false
	}
	<-r.loaded
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.doc == nil {
		return false
	}
	read(r.doc)
	return true
}

func (h *Host) get(id string) *room {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rooms[id]
}

func (r *room) info() (Info, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.doc == nil {
		return Info{}, false
	}
	info := Info{
		ID: r.id, Members: len(r.members), Present: r.presence.Len(), Bytes: r.doc.Size(),
		Updates: r.appended, Durable: r.durable, Saved: r.saved, Epoch: r.epoch, Generation: r.generation,
	}
	err := errors.Join(r.delayed, r.failed)
	if r.quarantine != nil {
		err = ErrQuarantined
	}
	if err != nil {
		info.Error = err.Error()
	}
	return info, true
}
