package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

// TestDamage damages what is stored of one room: it is refused instead of coming back with less, and the others work.
func TestDamage(t *testing.T) {
	ctx := context.Background()
	for what, statement := range map[string]string{
		"a byte of a row":       `UPDATE journal SET data = set_byte(data, octet_length(data) - 1, 0) WHERE room = $1 AND first = 3`,
		"a row that is shorter": `UPDATE journal SET data = substr(data, 1, 20) WHERE room = $1 AND first = 3`,
		"the first row":         `DELETE FROM journal WHERE room = $1 AND first = 1`,
		"a row in the middle":   `DELETE FROM journal WHERE room = $1 AND first = 3`,
		"the last row":          `DELETE FROM journal WHERE room = $1 AND first = 5`,
		"all rows":              `DELETE FROM journal WHERE room = $1`,
		"another room's row":    `UPDATE journal SET data = (SELECT data FROM journal o WHERE o.room <> $1 AND o.first = 3) WHERE room = $1 AND first = 3`,
		"a number":              `UPDATE journal SET first = 33 WHERE room = $1 AND first = 3`,
		"the room's row":        `UPDATE room SET generation = 7 WHERE num = $1`,
	} {
		t.Run(what, func(t *testing.T) {
			p := server(t)
			name := p.NewDatabase(t)
			db := openDB(t, p.URL(name), Options{})
			nums := make(map[string]int64)
			for _, id := range []string{"damaged", "other"} {
				c, heard := claimRoom(t, db, id)
				for seq := uint64(1); seq <= 5; seq++ {
					c.Append(seq, fmt.Append(nil, id, seq))
					heard.WaitCommitted(t, seq)
				}
				if err := c.Release(ctx); err != nil { // writes down that there are five
					t.Fatal(err)
				}
				nums[id] = c.(*claim).Num
			}
			p.Exec(t, name, statement, nums["damaged"])
			_, _, errLoad := db.Load(ctx, "damaged")
			_, _, errClaim := db.Claim(ctx, "damaged", storetest.NewRecorder())
			if !errors.Is(errLoad, room.ErrCorrupt) || !strings.Contains(errLoad.Error(), "damaged") {
				t.Errorf("Load: %v", errLoad)
			}
			if errClaim != nil && !errors.Is(errClaim, room.ErrCorrupt) {
				t.Errorf("Claim: %v", errClaim)
			}
			wantUpdates(t, db, "other", "other1", "other2", "other3", "other4", "other5")
			if list, err := db.Rooms(ctx, "", 10); err != nil || len(list) != 2 {
				t.Errorf("the list has %d rooms, %v", len(list), err)
			}
		})
	}
}

// TestSalvage reads what is left of a room.
func TestSalvage(t *testing.T) {
	ctx := context.Background()
	p := server(t)
	name := p.NewDatabase(t)
	db := openDB(t, p.URL(name), Options{})
	c, heard := claimRoom(t, db, "room")
	for seq := uint64(1); seq <= 9; seq++ {
		c.Append(seq, fmt.Append(nil, seq))
		heard.WaitCommitted(t, seq)
		if seq == 2 || seq == 5 {
			if err := point(ctx, c, fmt.Sprint("key ", seq), seq); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := c.Release(ctx); err != nil {
		t.Fatal(err)
	}
	salvage := func(after uint64) string {
		updates, damage, err := db.Salvage(ctx, "room", after)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%s with %d damages", updates, len(damage))
	}
	// The newest snapshot goes through 5, the one before through 2: from there on everything is there.
	for after, want := range map[uint64]string{
		5: "[6 7 8 9] with 0 damages",
		2: "[3 4 5 6 7 8 9] with 0 damages",
		0: "[3 4 5 6 7 8 9] with 1 damages",
	} {
		if got := salvage(after); got != want {
			t.Errorf("after %d: %s, want %s", after, got, want)
		}
	}
	p.Exec(t, name, `UPDATE journal SET data = substr(data, 1, 60) || '1' WHERE first = 7`)
	p.Exec(t, name, `DELETE FROM journal WHERE first = 9`)
	if got, want := salvage(5), "[6 8] with 3 damages"; got != want { // the row, the gap it leaves, and the end
		t.Errorf("%s, want %s", got, want)
	}
}
