package sqlite

// fences knows which epoch may write to the journal of a room. The file belongs to one process, so this needs no look
// into the file for each block: the operations that change epochs run on the goroutine that writes the blocks. It belongs
// to the committer. Rooms that are not in it are not open.
type fences struct {
	epochs  map[int64]uint64
	pending map[int64]uint64 // of the transaction that is not committed yet; 0 for none
}

func newFences() fences {
	return fences{epochs: make(map[int64]uint64), pending: make(map[int64]uint64)}
}

// epoch returns the epoch that may write to a room's journal, 0 for none.
func (f *fences) epoch(num int64) uint64 {
	if len(f.pending) > 0 {
		if epoch, ok := f.pending[num]; ok {
			return epoch
		}
	}
	return f.epochs[num]
}

// settle ends a transaction.
func (f *fences) settle(committed bool) {
	if committed {
		for num, epoch := range f.pending {
			f.set(num, epoch)
		}
	}
	clear(f.pending)
}

func (f *fences) set(num int64, epoch uint64) {
	if epoch == 0 {
		delete(f.epochs, num)
	} else {
		f.epochs[num] = epoch
	}
}

// release forgets a room that a host closed.
func (f *fences) release(num int64, epoch uint64) {
	if f.epochs[num] == epoch {
		delete(f.epochs, num)
	}
}
