package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// The format of a block: updates of one room that became durable in one commit. Integers are little endian.
// Number and room repeat what the table says, so that damage to either is noticed and cannot be pinned on the wrong room.
//
//	 0  4  CRC-32C of everything that follows
//	 4  1  version of the format, 1
//	 5  3  zero
//	 8  8  number of the row that holds it; 0 where rows have none
//	16  8  room (room.num)
//	24  8  epoch of the host
//	32  8  number of the first update
//	40  8  time of the commit, milliseconds since 1970
//	48  4  count of updates, at least 1
//	52     the updates: length as varUint (LEB128), bytes
const (
	blockVersion = 1

	// BlockHeader is the length of what precedes a block's updates.
	BlockHeader = 52
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Block is a run of updates of one room on its way into the journal. While a Backend has it, nobody else touches it.
type Block struct {
	Room    *Room
	First   uint64 // number of the first update
	Count   uint32
	Bytes   int    // length of the updates without their framing, as Backlog counts
	Data    []byte // header, filled in by Seal, and updates
	Refused bool   // set by the Backend: the room has another epoch, so nothing was written
}

// Last is the number of the newest update inside.
func (b *Block) Last() uint64 { return b.First + uint64(b.Count) - 1 }

func (b *Block) add(update []byte) {
	b.Count++
	b.Bytes += len(update)
	b.Data = binary.AppendUvarint(b.Data, uint64(len(update)))
	b.Data = append(b.Data, update...)
}

// Seal fills in the header. It may be called again, with other arguments, if a commit failed.
func (b *Block) Seal(n int64, millis int64) {
	h := b.Data[:BlockHeader]
	le := binary.LittleEndian
	le.PutUint32(h[4:], blockVersion)
	le.PutUint64(h[8:], uint64(n))
	le.PutUint64(h[16:], uint64(b.Room.Num))
	le.PutUint64(h[24:], b.Room.Epoch)
	le.PutUint64(h[32:], b.First)
	le.PutUint64(h[40:], uint64(millis))
	le.PutUint32(h[48:], b.Count)
	sealSum(b.Data)
}

// sealSum sets the checksum.
func sealSum(data []byte) {
	binary.LittleEndian.PutUint32(data, crc32.Checksum(data[4:], castagnoli))
}

// Info is the header of a stored block.
type Info struct {
	N, Room int64
	Epoch   uint64
	First   uint64 // number of the first update
	Last    uint64 // and of the last
	Millis  int64
}

// PeekRoom returns the room that a block claims to belong to, checked or not; 0 if it is too short to say.
func PeekRoom(data []byte) int64 {
	if len(data) < BlockHeader {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(data[16:]))
}

// ParseBlock checks a stored block and returns its header.
func ParseBlock(data []byte) (Info, error) {
	le := binary.LittleEndian
	switch {
	case len(data) < BlockHeader:
		return Info{}, fmt.Errorf("it has %d bytes, less than a header", len(data))
	case crc32.Checksum(data[4:], castagnoli) != le.Uint32(data):
		return Info{}, errors.New("its checksum is wrong")
	case le.Uint32(data[4:]) != blockVersion:
		return Info{}, fmt.Errorf("its format is %d, this program reads %d", le.Uint32(data[4:]), blockVersion)
	}
	info := Info{
		N:      int64(le.Uint64(data[8:])),
		Room:   int64(le.Uint64(data[16:])),
		Epoch:  le.Uint64(data[24:]),
		First:  le.Uint64(data[32:]),
		Millis: int64(le.Uint64(data[40:])),
	}
	count := le.Uint32(data[48:])
	if count == 0 || info.First == 0 {
		return Info{}, errors.New("it holds no updates")
	}
	info.Last = info.First + uint64(count) - 1
	if info.Last < info.First {
		return Info{}, errors.New("its numbers overflow")
	}
	return info, nil
}

// CheckBlock parses a block that must be in row n and belong to the room num.
func CheckBlock(data []byte, n, num int64) (Info, error) {
	info, err := ParseBlock(data)
	if err == nil && (info.N != n || info.Room != num) {
		err = fmt.Errorf("it says it is row %d of room %d", info.N, info.Room)
	}
	return info, err
}

// BlockLen returns the length of the block at the beginning of data, by its count of updates and their lengths; 0 if that
// does not hold together. Whether the block is right, ParseBlock tells.
func BlockLen(data []byte) int {
	if len(data) < BlockHeader {
		return 0
	}
	at := BlockHeader
	for count := binary.LittleEndian.Uint32(data[48:]); count > 0; count-- {
		size, n := binary.Uvarint(data[at:])
		if n <= 0 || size > uint64(len(data)-at-n) {
			return 0
		}
		at += n + int(size)
	}
	return at
}

// AppendUpdates appends the updates of a checked block that come after the one numbered through. They share memory
// with data.
func AppendUpdates(dst [][]byte, data []byte, info Info, through uint64) ([][]byte, error) {
	rest := data[BlockHeader:]
	for seq := info.First; seq <= info.Last; seq++ {
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
