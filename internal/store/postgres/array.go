package postgres

import (
	"encoding/binary"

	"github.com/symphony-rtc/symphony/internal/store/journal"
)

// The binary format of an array of one dimension, without NULLs and not empty, integers big endian: dimensions (1), flags (0), type of
// the elements, their number, index of the first (1); then each element's length and bytes.
// Source: array_send in PostgreSQL's src/backend/utils/adt/arrayfuncs.c.
//
// Written by hand because the general encoder makes an interface value of each element.

// Types, from PostgreSQL's src/include/catalog/pg_type.dat.
const (
	typeBytea  = 17
	typeBigint = 20
)

func appendArrayHeader(dst []byte, elements int, elementType uint32) []byte {
	dst = binary.BigEndian.AppendUint32(dst, 1)
	dst = binary.BigEndian.AppendUint32(dst, 0)
	dst = binary.BigEndian.AppendUint32(dst, elementType)
	dst = binary.BigEndian.AppendUint32(dst, uint32(elements))
	return binary.BigEndian.AppendUint32(dst, 1)
}

func appendBigints(dst []byte, blocks []*journal.Block, value func(*journal.Block) uint64) []byte {
	dst = appendArrayHeader(dst, len(blocks), typeBigint)
	for _, b := range blocks {
		dst = binary.BigEndian.AppendUint32(dst, 8)
		dst = binary.BigEndian.AppendUint64(dst, value(b))
	}
	return dst
}

func appendData(dst []byte, blocks []*journal.Block) []byte {
	dst = appendArrayHeader(dst, len(blocks), typeBytea)
	for _, b := range blocks {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(b.Data)))
		dst = append(dst, b.Data...)
	}
	return dst
}
