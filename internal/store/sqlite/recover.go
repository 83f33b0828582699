package sqlite

import (
	"database/sql/driver"
	"fmt"
	"slices"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/records"
)

// check refuses a file whose pages or whose index of room ids are damaged, before anything is written to it: a room that
// cannot be found would be taken for a new one. SQLite has replayed the log by then.
func (db *DB) check() error {
	return db.w.query(`PRAGMA integrity_check(1)`, func(row []driver.Value) error {
		if s, ok := row[0].(string); ok && s != "ok" {
			return fmt.Errorf("the database file is damaged (%s); nothing was changed, restore the data directory from a backup: %w",
				s, room.ErrCorrupt)
		}
		return nil
	})
}

// idleRow is a journal row that holds nothing which counts, with the rooms whose it was.
type idleRow struct {
	n    int64
	nums []int64
}

// recovered is what is known about one room of the journal during recovery.
type recovered struct {
	row  records.Row
	next uint64 // number that the next row must not go beyond
	gone bool   // there is no such room in the catalog
	err  error  // the room is damaged
}

// recover reads the whole journal, checks every row, builds the index, removes rows that do not count any more, and marks
// rooms inactive that a dead process had open. Damage is remembered with its room, which is put into quarantine, and
// changes nothing else: the others work.
func (db *DB) recover() error {
	rooms, idle, err := db.scan()
	if err != nil {
		return err
	}
	if db.repair {
		idle = nil
	}
	return db.tidy(rooms, idle)
}

// scan is the part of recover that changes nothing in the file. idle are the rows that hold nothing which counts.
func (db *DB) scan() (rooms map[int64]*recovered, idle []idleRow, err error) {
	rooms = make(map[int64]*recovered)
	void, err := db.readVoid()
	if err != nil {
		return nil, nil, fmt.Errorf("read the journal: %w", err)
	}
	last := int64(0)
	err = db.w.query(`SELECT n, room, data FROM journal ORDER BY n`, func(row []driver.Value) error {
		var n, num int64
		var data []byte
		if err := scanner(row)(&n, &num, &data); err != nil {
			return err
		}
		last = n
		pieces, err := split(n, num, data)
		if err != nil {
			return err
		}
		live := false
		nums := make([]int64, 0, len(pieces))
		for _, p := range pieces {
			counts, err := db.recoverPiece(rooms, void, n, p)
			if err != nil {
				return err
			}
			live = live || counts
			nums = append(nums, p.nums...)
		}
		if !live {
			idle = append(idle, idleRow{n, nums})
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the journal: %w", err)
	}
	for num, r := range rooms {
		if r.err == nil && r.row.LastSeq >= r.next {
			r.err = records.Missing(r.next, r.row.LastSeq, r.row.ID)
		}
		if r.err != nil {
			db.damaged = append(db.damaged, r.err)
		}
		if r.err != nil && !r.gone {
			db.index.damage(num, r.err)
		}
		if !r.gone || r.next > 1 {
			db.nextRoom = max(db.nextRoom, num+1)
		}
	}
	if len(db.damaged) > 0 {
		db.index.keep()
	}
	db.nextRow = last + 1
	return rooms, idle, nil
}

// recoverPiece enters a part of row n, and reports whether it counts: it is not covered by a snapshot, nor void.
func (db *DB) recoverPiece(rooms map[int64]*recovered, void map[int64]int64, n int64, p piece) (counts bool, err error) {
	for _, num := range p.nums {
		if n <= void[num] {
			continue
		}
		r, err := db.recoverRoom(rooms, num)
		if err != nil {
			return false, err
		}
		switch {
		case p.err != nil:
			if r.err == nil {
				r.err = damagedRow(n, r.row.ID, p.err)
			}
			counts = true
			continue
		case r.err != nil:
		case p.info.Last <= r.row.Through:
			continue
		case p.info.First > r.next:
			r.err = damagedRow(n, r.row.ID, fmt.Errorf("updates %d to %d before it are missing", r.next, p.info.First-1))
		}
		r.next = p.info.Last + 1
		db.index.enter(num, place{n, p.off}, p.info.Last, p.size, p.info.Millis)
		counts = true
	}
	return counts, nil
}

// readVoid reads the table void: up to which row the journal rows of a room do not count.
func (db *DB) readVoid() (map[int64]int64, error) {
	void := make(map[int64]int64)
	err := db.w.query(`SELECT room, n FROM void`, func(row []driver.Value) error {
		var num, n int64
		err := scanner(row)(&num, &n)
		void[num] = n
		db.nextRoom = max(db.nextRoom, num+1)
		return err
	})
	return void, err
}

// recoverRoom looks up a room once. A room that is not in the catalog or fails its checksum is damaged.
func (db *DB) recoverRoom(rooms map[int64]*recovered, num int64) (*recovered, error) {
	if r, ok := rooms[num]; ok {
		return r, nil
	}
	r := &recovered{gone: true, err: fmt.Errorf("room %d of the journal is missing from the catalog, restore the data directory from a backup: %w",
		num, room.ErrCorrupt)}
	err := db.w.query(`SELECT `+records.Columns+` FROM room WHERE num = ?`, func(row []driver.Value) error {
		r.row, r.err = records.Scan(scanner(row))
		r.gone = false
		return nil
	}, num)
	r.next = r.row.Through + 1
	rooms[num] = r
	return r, err
}

// tidy removes rows that do not count, but none of a damaged room, and ends the activity of a dead process.
func (db *DB) tidy(rooms map[int64]*recovered, idle []idleRow) (err error) {
	if _, err := db.w.exec(`BEGIN IMMEDIATE`); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			db.w.exec(`ROLLBACK`)
		}
	}()
	for _, row := range idle {
		if slices.ContainsFunc(row.nums, func(num int64) bool { return rooms[num] != nil && rooms[num].err != nil }) {
			continue
		}
		if _, err := db.w.exec(`DELETE FROM journal WHERE n = ?`, row.n); err != nil {
			return fmt.Errorf("remove journal rows that snapshots cover: %w", err)
		}
	}
	if _, err := db.w.exec(`DELETE FROM void WHERE n < (SELECT coalesce(min(n), ?) FROM journal)`, db.nextRow); err != nil {
		return fmt.Errorf("forget rooms that are gone: %w", err)
	}
	if _, err := db.w.exec(`UPDATE room SET active = 0 WHERE active <> 0`); err != nil {
		return fmt.Errorf("mark rooms inactive: %w", err)
	}
	for num, r := range rooms {
		if r.err == nil || r.gone {
			continue
		}
		_, err := db.w.exec(`UPDATE room SET quarantine = ? WHERE num = ? AND quarantine = x''`, []byte(store.Reason(r.err)), num)
		if err != nil {
			return fmt.Errorf("put damaged rooms into quarantine: %w", err)
		}
	}
	err = db.w.query(`SELECT coalesce(max(num), 0) + 1 FROM room`, func(row []driver.Value) error {
		var next int64
		err := scanner(row)(&next)
		db.nextRoom = max(db.nextRoom, next)
		return err
	})
	if err != nil {
		return err
	}
	_, err = db.w.exec(`COMMIT`)
	return err
}
