package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/symphony-rtc/symphony/internal/store/journal"
)

const (
	// appendTimeout ends a commit that gets no answer: the connection is cut and the same blocks are sent again.
	appendTimeout = 15 * time.Second
	// keepParameters is the largest buffer that is kept for the next commit.
	keepParameters = 4 << 20
)

// committerSetup is what the committer's session has besides setUp: it does not wait for ever for a row that somebody
// holds, and never chooses a plan that reads a table whole because the table was small when the plan was made.
const committerSetup = `SET lock_timeout = '2s'; SET plan_cache_mode = force_generic_plan;
	SET enable_seqscan = off; SET enable_nestloop = off; SET enable_mergejoin = off`

// appendBlocks writes blocks under the fence. The fence's rows of their rooms are locked first, in one order for
// everybody, in a mode that conflicts with any update: a claim either waits until these blocks are committed, and reads
// them, or it comes first, and the lock returns its epoch, and the blocks are not written. A block that is there
// already is left as it is.
const appendBlocks = `WITH held AS (SELECT num, epoch FROM fence WHERE num = ANY ($1::bigint[]) ORDER BY num FOR SHARE)
	INSERT INTO journal (room, first, last, epoch, millis, data)
	SELECT b.room, b.first, b.last, b.epoch, $6::bigint, b.data
	FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[]) AS b (room, epoch, first, last, data)
	JOIN held ON held.num = b.room AND held.epoch = b.epoch
	ON CONFLICT (room, first) DO NOTHING`

// findBlocks returns those blocks that are stored, by whomever.
const findBlocks = `SELECT j.room, j.first, j.last, j.epoch, j.data
	FROM unnest($1::bigint[], $2::bigint[]) AS b (room, first) JOIN journal j ON j.room = b.room AND j.first = b.first`

// committer is the journal.Backend: one connection on which each commit is one statement, sent whole. So a host that
// stops at any point holds no lock: either the server has all of a commit or it does not begin.
type committer struct {
	config *pgx.ConnConfig
	log    *slog.Logger
	conn   *pgx.Conn // nil while there is none
	buffer []byte    // scratch: the parameters of a statement
}

var _ journal.Backend = (*committer)(nil)

// Untidy implements journal.Backend: covered rows are deleted by the transaction that covers them.
func (c *committer) Untidy() bool { return false }

// Commit implements journal.Backend. This catalog has no ops: what is not an append runs on other connections.
func (c *committer) Commit(_ []*journal.Op, blocks []*journal.Block, now int64) (changed bool, err error) {
	if len(blocks) == 0 {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), appendTimeout)
	defer cancel()
	for _, b := range blocks {
		b.Refused = false
		b.Seal(0, now)
	}
	used := c.conn != nil
	changed, err = c.append(ctx, blocks, now)
	if err != nil && used && c.conn != nil && c.conn.IsClosed() && ctx.Err() == nil {
		changed, err = c.append(ctx, blocks, now) // the connection was lost, and nobody needs to know if a new one can be made
	}
	return changed, explain(err)
}

func (c *committer) append(ctx context.Context, blocks []*journal.Block, now int64) (changed bool, err error) {
	if c.conn != nil && c.conn.IsClosed() {
		c.close()
	}
	if c.conn == nil {
		if err := c.connect(ctx); err != nil {
			return false, err
		}
	}
	// The tag comes before the transaction's end, but Close returns only after the server has said that it is over.
	tag, err := c.conn.PgConn().ExecPrepared(ctx, "append", c.parameters(blocks, now), []int16{1}, nil).Close()
	if err != nil {
		return false, err
	}
	if tag.RowsAffected() == int64(len(blocks)) {
		return true, nil
	}
	// Some were refused, or this is a repetition of a commit that had succeeded without our knowing.
	return tag.RowsAffected() > 0, c.markRefused(ctx, blocks)
}

// parameters encodes the arguments of appendBlocks.
func (c *committer) parameters(blocks []*journal.Block, now int64) [][]byte {
	buffer := c.buffer[:0]
	var ends [6]int
	for i, value := range []func(*journal.Block) uint64{
		func(b *journal.Block) uint64 { return uint64(b.Room.Num) },
		func(b *journal.Block) uint64 { return b.Room.Epoch },
		func(b *journal.Block) uint64 { return b.First },
		(*journal.Block).Last,
	} {
		buffer = appendBigints(buffer, blocks, value)
		ends[i] = len(buffer)
	}
	buffer = appendData(buffer, blocks)
	ends[4] = len(buffer)
	buffer = binary.BigEndian.AppendUint64(buffer, uint64(now))
	ends[5] = len(buffer)
	if c.buffer = buffer; cap(buffer) > keepParameters {
		c.buffer = nil
	}
	parameters, at := make([][]byte, len(ends)), 0
	for i, end := range ends {
		parameters[i] = buffer[at:end]
		at = end
	}
	return parameters
}

// markRefused finds out which blocks are stored. A block counts as ours if its epoch is ours, because only one host
// ever has it, and the updates are the same; only the time of the attempt may differ.
func (c *committer) markRefused(ctx context.Context, blocks []*journal.Block) error {
	type place struct {
		room  int64
		first uint64
	}
	wanted := make(map[place]*journal.Block, len(blocks))
	nums, firsts := make([]int64, len(blocks)), make([]int64, len(blocks))
	for i, b := range blocks {
		b.Refused = true
		wanted[place{b.Room.Num, b.First}] = b
		nums[i], firsts[i] = b.Room.Num, int64(b.First)
	}
	rows, err := c.conn.Query(ctx, findBlocks, nums, firsts)
	if err != nil {
		return err
	}
	var num, first, last, epoch int64
	var data []byte
	_, err = pgx.ForEachRow(rows, []any{&num, &first, &last, &epoch, &data}, func() error {
		b := wanted[place{num, uint64(first)}]
		if uint64(epoch) != b.Room.Epoch {
			return nil
		}
		b.Refused = uint64(last) != b.Last() || len(data) != len(b.Data) || !bytes.Equal(data[journal.BlockHeader:], b.Data[journal.BlockHeader:])
		if b.Refused {
			// An epoch was given twice: the database has gone back in time below running hosts.
			c.log.Error("other updates are stored under the same numbers by the same epoch of a room; was the database restored from a backup while hosts ran? "+
				"Restart them all", "room", b.Room.ID, "epoch", epoch, "first", first)
		}
		return nil
	})
	return err
}

func (c *committer) connect(ctx context.Context) error {
	conn, err := connect(ctx, c.config)
	if err != nil {
		return err
	}
	c.conn = conn
	if _, err = conn.PgConn().Exec(ctx, committerSetup).ReadAll(); err == nil {
		_, err = conn.Prepare(ctx, "append", appendBlocks)
	}
	if err != nil {
		c.close()
		return fmt.Errorf("set up the journal's session: %w", err)
	}
	return nil
}

func (c *committer) close() {
	if c.conn != nil {
		hangUp(c.conn)
		c.conn = nil
	}
}
