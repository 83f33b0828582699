package crdt

import (
	"fmt"
	"math"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
)

// Applied says what an update did to a document.
type Applied struct {
	// Changed: something of it was new to the document, be it only something that waits for others. A replica that has
	// not got the update may be missing something.
	Changed bool

	// Pending: the document now holds structs or deletes, of this or earlier updates, that wait for others.
	Pending bool
}

// largeUpdate is the size in bytes from which on the room made for a refused update is given back.
const largeUpdate = 1 << 10

// ApplyUpdate applies an update in V1 encoding. The whole update is checked before anything is changed: after an error
// the document is exactly as it was, with one exception: if too much would wait for other updates (Options.MaxPending),
// what of the update can be used is applied, the rest is dropped, and Applied.Changed says whether anything was applied.
// Errors wrap ErrMalformed or ErrTooLarge. The update is not retained.
func (d *Doc) ApplyUpdate(update []byte) (Applied, error) { return d.apply(update, wire.V1) }

// ApplyUpdateV2 is ApplyUpdate for the V2 encoding.
func (d *Doc) ApplyUpdateV2(update []byte) (Applied, error) { return d.apply(update, wire.V2) }

func (d *Doc) apply(update []byte, v wire.Version) (Applied, error) {
	d.limits()
	t := d.begin()
	defer t.release()
	t.room = d.maxSize - d.weight()
	if err := t.stage(update, v); err != nil {
		if len(update) >= largeUpdate {
			d.clip() // nothing came of the room that was made for it
		}
		return Applied{Pending: d.pending.any()}, err
	}
	large := len(t.staged) >= manyStaged
	err := t.run()
	t.finish()
	if err == nil && t.overflow {
		err = fmt.Errorf("%w: over %d bytes wait for updates that did not come", ErrTooLarge, d.maxPending)
	}
	if large {
		d.clip()
	}
	return Applied{Changed: t.changed, Pending: d.pending.any()}, err
}

// run integrates what is staged, and what it sets free. See readUpdateV2 in yjs src/utils/encoding.js.
func (t *txn) run() error {
	t.integrateStaged()
	retry, err := t.keepRest(t.maxPending)
	t.deleteIncoming()
	t.keepUnapplied()
	if !retry || err != nil {
		return err
	}
	update := t.pending.update
	t.pending.update, t.pending.missing, t.pending.weight = nil, nil, 0
	if err := t.stage(update, wire.V2); err != nil {
		return err
	}
	t.integrateStaged()
	changed := t.changed
	_, err = t.keepRest(math.MaxInt)
	t.changed = changed // what goes back to the pending structs was there before
	t.deleteIncoming()
	t.keepUnapplied()
	return err
}
