package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/journal"
)

// row is a journal row as the table has it.
type row struct {
	n, num int64
	data   []byte
}

func (r row) clone() row { return row{r.n, r.num, bytes.Clone(r.data)} }

func (r row) split() ([]piece, error) { return split(r.n, r.num, r.data) }

// manyRooms commits updates of some rooms at once and returns the row that they became.
func manyRooms(t testing.TB, rooms int) row {
	t.Helper()
	for range 20 { // on a busy machine they may fall into several commits
		if r, whole := manyRoomsOnce(t, rooms); whole {
			return r
		}
	}
	t.Fatal("the updates fell into several commits each time")
	return row{}
}

func manyRoomsOnce(t testing.TB, rooms int) (r row, whole bool) {
	t.Helper()
	db := openDB(t, journal.Options{Window: 50 * time.Millisecond})
	var claims []store.Claim
	for i := range rooms {
		c, _ := claimRoom(t, db, fmt.Sprint("room ", i))
		claims = append(claims, c)
	}
	for i, c := range claims {
		c.Append(1, fmt.Appendf(nil, "text of room %d", i))
		c.Append(2, bytes.Repeat([]byte{byte(i)}, i))
	}
	if err := db.journal.Close(); err != nil { // commits it all
		t.Fatal(err)
	}
	rows, err := db.read.Query(`SELECT n, room, data FROM journal`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if r.n != 0 {
			return row{}, false
		}
		if err := rows.Scan(&r.n, &r.num, &r.data); err != nil {
			t.Fatal(err)
		}
	}
	return r, true
}

func TestRowHoldsManyRooms(t *testing.T) {
	const rooms = 20
	r := manyRooms(t, rooms)
	check := func(what string, r row) {
		t.Helper()
		pieces, err := r.split()
		if err != nil || len(pieces) != rooms {
			t.Fatalf("%s: %d pieces, %v", what, len(pieces), err)
		}
		for i, p := range pieces {
			updates, err := journal.AppendUpdates(nil, r.data[p.off:p.off+p.size], p.info, 0)
			if p.err != nil || err != nil || len(p.nums) != 1 || p.nums[0] != p.info.Room || len(updates) != 2 {
				t.Fatalf("%s: piece %+v, %v", what, p, err)
			}
			if want := fmt.Sprint("text of room ", i); string(updates[0]) != want {
				t.Fatalf("%s: %q, want %q", what, updates[0], want)
			}
		}
	}
	check("as written", r)
	for i := range directoryLen(rooms) {
		bad := r.clone()
		bad.data[i] ^= 0x41
		check(fmt.Sprint("byte ", i, " of the directory changed"), bad)
	}
	bad := r.clone()
	clear(bad.data[:directoryLen(rooms)])
	check("no directory", bad)
	for _, num := range []int64{7, 0, -7, -1 << 40} {
		bad := r.clone()
		bad.num = num
		check(fmt.Sprint("the column says ", num), bad)
	}
}

// lost returns the rooms that a row which had all of them cannot give back, and checks that it says so.
func lost(t *testing.T, what string, whole, bad row) []int64 {
	t.Helper()
	want, err := whole.split()
	if err != nil {
		t.Fatal(err)
	}
	got, err := bad.split()
	if err != nil {
		if !errors.Is(err, room.ErrCorrupt) || !errors.Is(err, errWhose) {
			t.Fatalf("%s: %v", what, err)
		}
		var all []int64
		for _, p := range want {
			all = append(all, p.nums...)
		}
		return all
	}
	var blamed, gone []int64
	good := make(map[int64][]byte)
	for _, p := range got {
		if p.err == nil {
			good[p.nums[0]] = bad.data[p.off : p.off+p.size]
		} else {
			blamed = append(blamed, p.nums...)
		}
	}
	for _, p := range want {
		num := p.nums[0]
		if bytes.Equal(good[num], whole.data[p.off:p.off+p.size]) {
			continue
		}
		gone = append(gone, num)
		if good[num] != nil || !slices.Contains(blamed, num) {
			t.Fatalf("%s: room %d lost its block, and the rooms %v are blamed", what, num, blamed)
		}
	}
	return gone
}

// TestDamagedRow damages a row at every byte, and at random in several ways at once: no room may lose its block
// without being blamed for it, and damage to one block is blamed on its room alone.
func TestDamagedRow(t *testing.T) {
	whole := manyRooms(t, 12)
	for i := directoryLen(12); i < len(whole.data); i++ {
		bad := whole.clone()
		bad.data[i] ^= byte(1 + rand.IntN(255))
		if gone := lost(t, fmt.Sprint("byte ", i), whole, bad); len(gone) != 1 {
			t.Fatalf("byte %d changed, and the rooms %v lost their blocks", i, gone)
		}
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	several := 0
	for round := range 3000 {
		bad := whole.clone()
		what := fmt.Sprint("round ", round)
		switch rnd.IntN(4) {
		case 0: // a byte of the directory and a stretch of data
			bad.data[rnd.IntN(directoryLen(12))] ^= byte(1 + rnd.IntN(255))
			from := rnd.IntN(len(bad.data))
			clear(bad.data[from:min(len(bad.data), from+rnd.IntN(400))])
		case 1: // a stretch of data
			from := rnd.IntN(len(bad.data))
			clear(bad.data[from:min(len(bad.data), from+rnd.IntN(400))])
		case 2: // data is shifted, as by a wrong length in the record's header
			bad.data = append(make([]byte, rnd.IntN(9)), bad.data...)[:len(bad.data)]
		case 3: // data is cut off
			bad.data = bad.data[:rnd.IntN(len(bad.data))]
		}
		if len(lost(t, what, whole, bad)) > 1 {
			several++
		}
	}
	if several == 0 {
		t.Error("no damage hit several rooms")
	}
}

// FuzzSplit takes anything apart: no panic, and good pieces are parts of the data.
func FuzzSplit(f *testing.F) {
	r := manyRooms(f, 3)
	f.Add(r.n, r.num, r.data)
	f.Add(r.n, r.num, append([]byte{1}, r.data[1:]...))
	f.Add(int64(1), int64(7), r.data[:60])
	f.Fuzz(func(t *testing.T, n, num int64, data []byte) {
		pieces, err := split(n, num, data)
		if err != nil {
			return
		}
		for _, p := range pieces {
			if p.err == nil && (p.off < 0 || p.size < journal.BlockHeader || p.off+p.size > len(data) || len(p.nums) != 1) {
				t.Fatalf("piece %+v of %d bytes", p, len(data))
			}
		}
	})
}
