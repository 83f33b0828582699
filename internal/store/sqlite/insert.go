package sqlite

import "github.com/symphony-rtc/symphony/internal/store/journal"

// maxRow is the size beyond which blocks begin another row. A row costs the same processor time whatever is in it, and
// loading a block reads the row up to it.
const maxRow = 64 << 10

// place is where a block was written: a part of a row's data.
type place struct {
	n   int64
	off int
}

// insert writes the blocks whose rooms still have the epoch of the host that they come from, in as few rows as maxRow
// allows. It returns the places of those that are not refused, and the number for the next row.
func (db *DB) insert(blocks []*journal.Block, now int64) (places []place, next int64, err error) {
	next = db.nextRow
	places = db.places[:0]
	row, size := db.blocks[:0], 0
	flush := func() error {
		if len(row) == 0 {
			return nil
		}
		err := db.insertRow(next, row, now)
		off := directoryLen(len(row))
		for _, b := range row {
			places = append(places, place{next, off})
			off += len(b.Data)
		}
		next++
		row, size = row[:0], 0
		return err
	}
	for _, b := range blocks {
		if b.Refused = db.epoch(b.Room.Num) != b.Room.Epoch; b.Refused {
			continue
		}
		if size += len(b.Data); size > maxRow {
			if err := flush(); err != nil {
				return nil, 0, err
			}
			size = len(b.Data)
		}
		row = append(row, b)
	}
	err = flush()
	clear(row[:cap(row)])
	db.blocks, db.places = row, places
	return places, next, err
}

// insertRow writes one row.
func (db *DB) insertRow(n int64, blocks []*journal.Block, now int64) error {
	data := appendDirectory(db.data[:0], n, blocks)
	for _, b := range blocks {
		b.Seal(n, now)
		data = append(data, b.Data...)
	}
	_, err := db.w.exec(`INSERT INTO journal (n, room, data) VALUES (?,?,?)`, n, int64(-len(blocks)), data)
	if cap(data) <= 4*maxRow {
		db.data = data
	}
	return err
}
