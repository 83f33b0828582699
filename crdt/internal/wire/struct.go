// Package wire reads and writes Yjs updates, in both encodings, without a document: one struct at a time, content
// as the bytes it travelled in. The document (package crdt) and the update-level functions (merge, diff, state
// vector, conversion) share it.
package wire

// Version is the encoding of an update.
type Version uint8

// The two encodings of an update. State vectors and their encoding are the same in both.
const (
	V1 Version = 1
	V2 Version = 2
)

// ID names one unit of content: the clock-th unit that client ever inserted.
type ID struct {
	Client uint64 // up to 2^53-1
	Clock  uint32 // clocks of 2^32 and more are refused by the decoder
}

// Kind is the low five bits of a struct's info byte.
type Kind uint8

// The kinds of structs; the values are those on the wire. GC and Skip are structs without content.
const (
	GC      Kind = 0
	Deleted Kind = 1
	JSON    Kind = 2
	Binary  Kind = 3
	String  Kind = 4
	Embed   Kind = 5
	Format  Kind = 6
	Type    Kind = 7
	Any     Kind = 8
	Doc     Kind = 9
	Skip    Kind = 10
)

// Info bits of a struct; the values are those on the wire.
const (
	HasOrigin      uint8 = 0x80
	HasRightOrigin uint8 = 0x40
	HasParentSub   uint8 = 0x20 // may be set without the string on the wire: when an origin is present
)

// ParentKind says how a struct names its parent on the wire.
type ParentKind uint8

// A parent is on the wire only if the struct has neither origin nor right origin.
const (
	ParentUnknown ParentKind = iota // not written: the parent is that of the origin
	ParentRoot                      // ParentName holds the name of a root type
	ParentItem                      // ParentID holds the id of the item that carries the type
)

// Struct is one struct of an update. Byte slices point into the update (or into the decoder's buffers) and are
// valid until the decoder is reset.
type Struct struct {
	Kind Kind
	Info uint8 // HasOrigin | HasRightOrigin | HasParentSub
	ID   ID
	Len  uint32 // in clock units: UTF-16 code units for String, elements for Any and JSON, else as stored

	Origin      ID // valid with HasOrigin
	RightOrigin ID // valid with HasRightOrigin

	Parent     ParentKind
	ParentName []byte // with ParentRoot
	ParentID   ID     // with ParentItem
	ParentSub  []byte // valid with HasParentSub and no origin; may be empty, which is a valid key

	Content
}

// Content is what a struct carries, undecoded.
type Content struct {
	// Data, by kind:
	//   String  UTF-8 text
	//   Any     Len values in lib0's any encoding, one after the other
	//   JSON    Len strings, each a varUint byte length and the JSON text (or "undefined")
	//   Binary  the bytes
	//   Embed   one value: JSON text if ValueIsJSON, else any-encoded
	//   Format  likewise: the value of the format
	//   Doc     the any-encoded options
	Data        []byte
	ValueIsJSON bool   // Embed, Format: Data is JSON text (as V1 writes it) and not any-encoded (as V2 does)
	Key         []byte // Format: the key; Type: node name of an XmlElement, hook name of an XmlHook; Doc: the guid
	TypeRef     uint8  // Type: 0 Array, 1 Map, 2 Text, 3 XmlElement, 4 XmlFragment, 5 XmlHook, 6 XmlText
}
