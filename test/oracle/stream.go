package oracle

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Kind says what a record is about. Kinds, flags and the whole format are specified in test/node/oracle/stream.mjs.
type Kind uint8

// The kinds of records.
const (
	Replica Kind = 1
	Apply   Kind = 2
	Encode  Kind = 3
	View    Kind = 4
	Merge   Kind = 10
	Diff    Kind = 11
	Vector  Kind = 12
	Convert Kind = 13
	Mangled Kind = 20

	Version  Kind = 30
	Later    Kind = 31
	Aside    Kind = 32
	Reverted Kind = 33
)

// The flags of a record.
const (
	FlagGCOff   uint8 = 1
	FlagMuddled uint8 = 2
	FlagTimeout uint8 = 64
	FlagThrew   uint8 = 128
)

// Record is one step of a case with what yjs answered.
type Record struct {
	Kind    Kind
	Version uint8 // encoding of the updates in it: 1 or 2
	Flags   uint8
	Fields  [][]byte
}

// Threw reports whether yjs threw where it should have answered.
func (r *Record) Threw() bool { return r.Flags&FlagThrew != 0 }

// Case is one random history.
type Case struct {
	Number   uint32
	Features []string // what is special about it, for the coverage counters
	Records  []Record
	Size     int // bytes in the stream
}

// maxCase bounds the memory that a broken stream can ask for.
const maxCase = 256 << 20

// ReadCase reads the next case. The error is io.EOF after the last one.
func ReadCase(r *bufio.Reader) (*Case, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("reading the length of a case: %w", err)
	}
	size := binary.LittleEndian.Uint32(head[:])
	if size > maxCase {
		return nil, fmt.Errorf("reading a case: its length is %d bytes; is something else writing to standard output?", size)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, fmt.Errorf("reading a case: %w", err)
	}
	p := parser{rest: body}
	c := &Case{Number: p.uint32(), Size: int(size)}
	if names := string(p.field()); names != "" {
		c.Features = strings.Split(names, ",")
	}
	for n := p.uint32(); n > 0 && !p.failed; n-- {
		b := p.take(4)
		if b == nil {
			break
		}
		rec := Record{Kind: Kind(b[0]), Version: b[1], Flags: b[2], Fields: make([][]byte, b[3])}
		for i := range rec.Fields {
			rec.Fields[i] = p.field()
		}
		c.Records = append(c.Records, rec)
	}
	if p.failed || len(p.rest) != 0 {
		return nil, fmt.Errorf("case %d is not in the format of stream.mjs", c.Number)
	}
	return c, nil
}

// parser takes a case apart; after a failure it yields zeros.
type parser struct {
	rest   []byte
	failed bool
}

func (p *parser) take(n int) []byte {
	if p.failed || n > len(p.rest) {
		p.failed = true
		return nil
	}
	b := p.rest[:n:n]
	p.rest = p.rest[n:]
	return b
}

func (p *parser) uint32() uint32 {
	if b := p.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (p *parser) field() []byte { return p.take(int(p.uint32())) }
