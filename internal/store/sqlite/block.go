package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// The format of journal.data: the updates that one room got in one commit. Integers are little endian. Number and room
// repeat the other two columns, so that damage to either is noticed and cannot be pinned on the wrong room.
//
//	 0  4  CRC-32C of everything that follows
//	 4  1  version of the format, 1
//	 5  3  zero
//	 8  8  number of the row (journal.n)
//	16  8  room (room.num)
//	24  8  epoch of the host
//	32  8  number of the first update
//	40  8  time of the commit, milliseconds since 1970
//	48  4  count of updates, at least 1
//	52     the updates: length as varUint (LEB128), bytes
const (
	blockVersion = 1
	blockHeader  = 52
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// block is one journal row that is being filled.
type block struct {
	claim *claim
	first uint64 // number of the first update
	count uint32
	bytes int    // length of the updates without their framing, as Backlog counts
	data  []byte // header, not filled in yet, and updates
}

// last is the number of the newest update inside.
func (b *block) last() uint64 { return b.first + uint64(b.count) - 1 }

func (b *block) add(update []byte) {
	b.count++
	b.bytes += len(update)
	b.data = binary.AppendUvarint(b.data, uint64(len(update)))
	b.data = append(b.data, update...)
}

// seal fills in the header.
func (b *block) seal(n int64, millis int64) {
	h := b.data[:blockHeader]
	le := binary.LittleEndian
	le.PutUint32(h[4:], blockVersion)
	le.PutUint64(h[8:], uint64(n))
	le.PutUint64(h[16:], uint64(b.claim.num))
	le.PutUint64(h[24:], b.claim.epoch)
	le.PutUint64(h[32:], b.first)
	le.PutUint64(h[40:], uint64(millis))
	le.PutUint32(h[48:], b.count)
	sealSum(b.data)
}

// sealSum sets the checksum.
func sealSum(data []byte) {
	binary.LittleEndian.PutUint32(data, crc32.Checksum(data[4:], castagnoli))
}

// blockInfo is the header of a stored block.
type blockInfo struct {
	n, room int64
	epoch   uint64
	first   uint64
	last    uint64
	millis  int64
}

// peekRoom returns the room that a block claims to belong to, checked or not; 0 if it is too short to say.
func peekRoom(data []byte) int64 {
	if len(data) < blockHeader {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(data[16:]))
}

// parseBlock checks a stored block and returns its header.
func parseBlock(data []byte) (blockInfo, error) {
	le := binary.LittleEndian
	switch {
	case len(data) < blockHeader:
		return blockInfo{}, fmt.Errorf("it has %d bytes, less than a header", len(data))
	case crc32.Checksum(data[4:], castagnoli) != le.Uint32(data):
		return blockInfo{}, errors.New("its checksum is wrong")
	case le.Uint32(data[4:]) != blockVersion:
		return blockInfo{}, fmt.Errorf("its format is %d, this program reads %d", le.Uint32(data[4:]), blockVersion)
	}
	info := blockInfo{
		n:      int64(le.Uint64(data[8:])),
		room:   int64(le.Uint64(data[16:])),
		epoch:  le.Uint64(data[24:]),
		first:  le.Uint64(data[32:]),
		millis: int64(le.Uint64(data[40:])),
	}
	count := le.Uint32(data[48:])
	if count == 0 || info.first == 0 {
		return blockInfo{}, errors.New("it holds no updates")
	}
	info.last = info.first + uint64(count) - 1
	if info.last < info.first {
		return blockInfo{}, errors.New("its numbers overflow")
	}
	return info, nil
}

// appendUpdates appends the updates of a checked block that come after the one numbered through. They share memory
// with data.
func appendUpdates(dst [][]byte, data []byte, info blockInfo, through uint64) ([][]byte, error) {
	rest := data[blockHeader:]
	for seq := info.first; seq <= info.last; seq++ {
		size, n := binary.Uvarint(rest)
		if n <= 0 || size > uint64(len(rest)-n) {
			return dst, fmt.Errorf("update %d does not fit", seq)
		}
		rest = rest[n:]
		if seq > through {
			dst = append(dst, rest[:size:size])
		}
		rest = rest[size:]
	}
	if len(rest) != 0 {
		return dst, fmt.Errorf("%d bytes follow its last update", len(rest))
	}
	return dst, nil
}
