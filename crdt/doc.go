// Package crdt is a Yjs-compatible document engine: documents that are the sum of all updates applied to them, whatever
// their order, and functions on the updates themselves. Encodings and results are those of yjs 13.6.33, byte for byte.
//
// A Doc holds a document in memory; it integrates updates (ApplyUpdate), says what it knows (StateVector), writes what
// others lack (EncodeStateAsUpdate) and shows its content (AppendJSON and the like). MergeUpdates, DiffUpdate,
// StateVectorFromUpdate and the others work on updates as bytes, without a document. Revert makes the update that brings
// an earlier state of a document back, as an edit that merges with others and can be reverted itself.
//
// Documents are built for servers that hold many: structs are records without pointers in one slice, content is in one
// buffer, and applying a small update does not allocate.
package crdt

import (
	"errors"
	"unsafe"

	"github.com/symphony-rtc/symphony/crdt/internal/wire"
)

// ErrTooLarge is wrapped by errors about updates that would take a document over one of its limits.
var ErrTooLarge = errors.New("document too large")

// Limits of every document.
const (
	// maxClock is up to which clock a client can have inserted; yjs allows 2^53.
	maxClock = 1<<31 - 1
	// maxArena keeps offsets into a document's content within 32 bits.
	maxArena = 1 << 31
)

// Defaults of Options.
const (
	DefaultMaxSize    = 1 << 30
	DefaultMaxPending = 64 << 20
)

// Options of a new document. The zero value is what a server wants.
type Options struct {
	// KeepDeleted keeps the content of what is deleted, as new Y.Doc({gc: false}) does. Needed only for documents
	// whose history is shown.
	KeepDeleted bool

	// MaxSize is up to how many bytes the document may take in memory, about as Size counts, before updates that add
	// to it are refused with ErrTooLarge. 0 means DefaultMaxSize; more than 2 GiB is not possible.
	MaxSize int

	// MaxPending is up to how many bytes may wait for structs that have not come, counted as content and 512 for each
	// struct or range of deletes. What would exceed it is not kept, and the update that brought it is answered with
	// ErrTooLarge. Each update that has to wait costs time in proportion to what waits already. 0 means
	// DefaultMaxPending.
	MaxPending int

	// MaxClients is up to how many client ids the document may contain; 0 means as many as are possible, 2^24-1.
	MaxClients int
}

// Doc is a Yjs document: the result of all updates applied to it, in whatever order they came. It has no client id of
// its own and no local edits: whoever edits sends updates.
//
// The zero Doc is an empty document with default options. A Doc must not be copied, and is not safe for concurrent use,
// not even by methods that only read: they remember where they searched.
//
// Updates and state vectors are those of yjs 13.6.33, and so are the bytes that EncodeStateAsUpdate returns: the same
// as those of a Y.Doc to which the same updates were applied in the same order, and which does not clean up formats. (A
// Y.Doc deletes superfluous formats of nested texts, and of roots that were asked for, by itself; the document of a server
// must not add to what its members did.)
type Doc struct {
	keepDeleted bool
	maxSize     int
	maxPending  int
	maxClients  int

	items     []item
	freeItem  int32 // first of the free list, linked by item.right
	freeItems int

	clients     []client // from 1
	clientTable []uint32
	lastClient  uint32   // looked for last
	order       []uint32 // clients by descending id; nil if it has to be computed

	types    []sharedType // from 1
	freeType int32
	roots    []int32 // in order of appearance
	lists    []list  // from 1
	freeList int32
	entries  map[uint64]int32 // lists of entries of types with many keys

	keys     []keyEntry // from 1
	keyBytes []byte
	keyTable []uint32

	arena   arena
	subdocs int // subdocuments that are not deleted

	pending pending
}

// NewDoc returns an empty document.
func NewDoc(o Options) *Doc {
	d := &Doc{keepDeleted: o.KeepDeleted}
	d.SetLimits(o)
	return d
}

// SetLimits sets the limits of later updates. A document that is loaded from one's own storage wants none meanwhile, since
// what was taken once has to be taken again. KeepDeleted is not changed.
func (d *Doc) SetLimits(o Options) {
	d.maxSize, d.maxPending, d.maxClients = o.MaxSize, o.MaxPending, o.MaxClients
}

// limits sets the limits that were left at zero.
func (d *Doc) limits() {
	if d.maxSize <= 0 {
		d.maxSize = DefaultMaxSize
	}
	d.maxSize = min(d.maxSize, maxArena)
	if d.maxPending <= 0 {
		d.maxPending = DefaultMaxPending
	}
	if d.maxClients <= 0 || d.maxClients > maxClients {
		d.maxClients = maxClients
	}
}

// Sizes of what a document consists of, in bytes.
const (
	itemBytes   = int(unsafe.Sizeof(item{}))
	clientBytes = int(unsafe.Sizeof(client{}))
	typeBytes   = int(unsafe.Sizeof(sharedType{}))
	listBytes   = int(unsafe.Sizeof(list{}))
	keySize     = int(unsafe.Sizeof(keyEntry{}))
	indexBytes  = int(unsafe.Sizeof(entry{}))
	sliceBytes  = int(unsafe.Sizeof([]entry{}))
	entryBytes  = 32 // of a map, roughly
)

// Size is about how many bytes of memory the document takes.
func (d *Doc) Size() int {
	n := int(unsafe.Sizeof(*d))
	n += cap(d.items)*itemBytes + cap(d.types)*typeBytes + cap(d.lists)*listBytes + cap(d.keys)*keySize
	n += cap(d.clients)*clientBytes + cap(d.order)*4 + cap(d.clientTable)*4 + cap(d.keyTable)*4
	n += cap(d.arena.buf) + cap(d.keyBytes) + len(d.entries)*entryBytes
	for c := range d.clients {
		x := &d.clients[c].index
		n += cap(x.chunks) * sliceBytes
		for _, chunk := range x.chunks {
			n += cap(chunk) * indexBytes
		}
	}
	return n + d.pending.size()
}

// weight is what counts towards Options.MaxSize: a lower bound of Size that is cheap to find out, without what is
// reserved for growing.
func (d *Doc) weight() int {
	return len(d.items)*itemBytes + len(d.arena.buf) + len(d.keyBytes) + len(d.clients)*clientBytes + len(d.pending.update)
}

// Stats counts what a document consists of.
type Stats struct {
	Clients int // client ids that inserted something
	Structs int // items and GC structs
	Roots   int // root types
	Subdocs int // subdocuments that are not deleted
	Content int // bytes of content
	Pending int // bytes of updates that wait for others
}

// Stats counts what the document consists of. It takes time in proportion to the number of clients.
func (d *Doc) Stats() Stats {
	s := Stats{Roots: len(d.roots), Subdocs: d.subdocs, Content: len(d.arena.buf) - d.arena.dead, Pending: d.pending.size()}
	for c := range d.clients {
		if d.clients[c].state > 0 {
			s.Clients++
		}
	}
	if len(d.items) > 0 {
		s.Structs = len(d.items) - 1 - d.freeItems
	}
	return s
}

// Subdocs returns the guids of the subdocuments that are not deleted, in no particular order.
func (d *Doc) Subdocs() []string {
	if d.subdocs == 0 {
		return nil
	}
	guids := make([]string, 0, d.subdocs)
	for i := range d.items {
		if it := &d.items[i]; it.meta&(kindMask|flagDeleted) == uint32(wire.Doc) {
			guid, _ := splitSubdoc(d.arena.bytes(it.off, it.size))
			guids = append(guids, string(guid))
		}
	}
	return guids
}
