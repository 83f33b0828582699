package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/internal/store/journal"
)

// The data of a journal row: a directory and blocks, one after the other, each as package journal describes it. Directory
// and headers of blocks say the same twice, so that damage to either stays with the blocks that are really hit.
// Integers are little endian.
//
//	0  4  CRC-32C of the row's number (8 bytes) and of the directory from here on
//	4  4  count of blocks
//	8     for each block: room (room.num, 8 bytes), length of the block with its header (4 bytes)
//	      the blocks
//
// The column room holds minus the count. In rows of schema 1 and 2 it is the room of the only block, and that is all of data.
const (
	directoryHeader = 8
	directoryEntry  = 12
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// directoryLen is the length of the directory of so many blocks.
func directoryLen(blocks int) int { return directoryHeader + directoryEntry*blocks }

// appendDirectory appends the directory of row n.
func appendDirectory(dst []byte, n int64, blocks []*journal.Block) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(blocks)))
	for _, b := range blocks {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(b.Room.Num))
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(b.Data)))
	}
	binary.LittleEndian.PutUint32(dst[at:], directorySum(dst[at:], n))
	return dst
}

func directorySum(directory []byte, n int64) uint32 {
	var row [8]byte
	binary.LittleEndian.PutUint64(row[:], uint64(n))
	return crc32.Update(crc32.Checksum(row[:], castagnoli), castagnoli, directory[4:])
}

// piece is one block of a row, or the place where one was.
type piece struct {
	off, size int
	info      journal.Info
	err       error   // why it cannot be used
	nums      []int64 // rooms whose it may be; the one it belongs to if err is nil
}

// errWhose says that a row is damaged so that it is not known which rooms lost something.
var errWhose = errors.New("it is not known whose updates it held")

// split takes row n apart, whose column room is num, and checks it. The error wraps room.ErrCorrupt: parts of the row are
// damaged and it cannot be said whose they are.
func split(n, num int64, data []byte) ([]piece, error) {
	if count, ok := goodDirectory(n, data); ok {
		return byDirectory(n, data, count), nil
	}
	if num > 0 { // schema 1 and 2
		p := piece{size: len(data), nums: []int64{num}}
		if p.info, p.err = journal.CheckBlock(data, n, num); p.err != nil {
			p.nums = append(p.nums, journal.PeekRoom(data)) // either copy may be the wrong one
		}
		return []piece{p}, nil
	}
	if num > -int64(len(data)) {
		count := int(-num)
		if pieces := byHeaders(n, data, count); pieces != nil {
			return pieces, nil // only the directory is damaged, and nobody needs it
		}
		if fits(data, count) {
			if pieces := byDirectory(n, data, count); agree(data, pieces) {
				return pieces, nil
			}
		}
	}
	return nil, fmt.Errorf("journal row %d is damaged and %w; nothing was changed, restore the data directory from a backup: %w",
		n, errWhose, room.ErrCorrupt)
}

// goodDirectory returns the count of blocks if data begins with a directory of row n that is not damaged.
func goodDirectory(n int64, data []byte) (count int, ok bool) {
	if len(data) < directoryHeader {
		return 0, false
	}
	count = int(binary.LittleEndian.Uint32(data[4:]))
	size := directoryLen(count)
	if count == 0 || len(data) < size {
		return 0, false
	}
	return count, directorySum(data[:size], n) == binary.LittleEndian.Uint32(data)
}

// fits reports whether the lengths in a damaged directory agree with the length of data: then they are right.
func fits(data []byte, count int) bool {
	want := directoryLen(count)
	if len(data) < want {
		return false
	}
	for i := range count {
		want += int(binary.LittleEndian.Uint32(data[directoryLen(i)+8:]))
	}
	return want == len(data)
}

// agree reports whether a damaged directory and the blocks' headers say the same about whose the blocks are.
func agree(data []byte, pieces []piece) bool {
	for _, p := range pieces {
		if journal.PeekRoom(data[p.off:p.off+p.size]) != p.nums[0] {
			return false
		}
	}
	return true
}

// byDirectory takes a row apart by its directory.
func byDirectory(n int64, data []byte, count int) []piece {
	pieces := make([]piece, 0, count)
	off := directoryLen(count)
	for i := range count {
		entry := data[directoryLen(i):]
		num, size := int64(binary.LittleEndian.Uint64(entry)), int(binary.LittleEndian.Uint32(entry[8:]))
		p := piece{off: off, size: size, nums: []int64{num}}
		off += size
		if off > len(data) {
			p.err = errors.New("it is cut off")
		} else {
			p.info, p.err = journal.CheckBlock(data[p.off:off], n, num)
		}
		pieces = append(pieces, p)
	}
	return pieces
}

// byHeaders takes a row apart by the headers of its blocks; nil if one of them is damaged.
func byHeaders(n int64, data []byte, count int) []piece {
	pieces := make([]piece, 0, count)
	off := directoryLen(count)
	for range count {
		if off > len(data) {
			return nil
		}
		size := journal.BlockLen(data[off:])
		info, err := journal.ParseBlock(data[off : off+size])
		if err != nil || info.N != n {
			return nil
		}
		pieces = append(pieces, piece{off: off, size: size, info: info, nums: []int64{info.Room}})
		off += size
	}
	if off != len(data) {
		return nil
	}
	return pieces
}
