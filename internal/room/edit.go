package room

import (
	"context"
	"errors"
	"fmt"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/protocol"
)

// ErrQuarantined is returned for edits of a room that is damaged and can only be read.
var ErrQuarantined = errors.New("the room is damaged and can only be read until it is repaired")

// Edit changes the document of a room, which is opened if it is not. edit is called with the document, while nothing else uses
// it, and returns an update (V1) to be applied, nil for none; blank says that nothing was ever written to the room. It must be
// quick, must not keep the document, and may be called only once. The members get the update like any other, with one
// difference: what is the first content of a blank room is shown to nobody before it is durable, as initial content is.
//
// Edit returns when the update is durable, or with edit's error. If ctx ends first, or the room is lost meanwhile, the update
// may have been made.
func (h *Host) Edit(ctx context.Context, id string, edit func(doc *crdt.Doc, blank bool) (update []byte, err error)) error {
	var durable <-chan error
	err := h.reach(ctx, id, func(r *room) (wait <-chan struct{}, err error) {
		durable, wait, err = r.change(edit)
		return wait, err
	})
	if err == nil && durable != nil {
		select {
		case err = <-durable:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err != nil {
		return fmt.Errorf("edit room %q: %w", id, err)
	}
	return nil
}

// change makes an edit of the server's own. durable gets the outcome once it is durable or will not be; it is nil if there
// was nothing to change. If the room cannot be edited just now, wait says when to try again.
func (r *room) change(edit func(*crdt.Doc, bool) ([]byte, error)) (durable <-chan error, wait <-chan struct{}, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() {
		if fault := recover(); fault != nil {
			durable, wait, err = nil, nil, r.contain(fault)
		}
	}()
	if wait, err := r.usable(); wait != nil || err != nil {
		return nil, wait, err
	}
	blank := r.blank
	update, err := edit(r.doc, blank)
	if err != nil || update == nil {
		return nil, nil, err
	}
	if blank {
		_, err = r.propose(update, nil)
	} else {
		err = r.edit(update)
	}
	if err != nil {
		return nil, nil, err
	}
	return r.wait(waiter{durable: r.appended}), nil, nil
}

// usable reports whether the server may edit the room now; a channel says when to ask again. r.mu is held.
func (r *room) usable() (wait <-chan struct{}, err error) {
	switch {
	case r.phase == gone && r.refuse != nil:
		return nil, r.refuse
	case r.phase == gone, r.phase == releasing, r.evicting != nil:
		return r.settled, nil
	case r.quarantine != nil:
		return nil, ErrQuarantined
	case r.first != nil: // the document is not yet what it will have been
		return r.first.settled, nil
	}
	if why := r.overloaded(); why != nil {
		return nil, why
	}
	return nil, nil
}

// edit takes an update of the server's own.
func (r *room) edit(update []byte) error {
	applied, err := r.doc.ApplyUpdate(update)
	if applied.Changed {
		r.append(update)
		r.relay(nil, protocol.UpdateFrame(update).Bytes())
	}
	return err
}
