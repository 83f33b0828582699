package payload

import "encoding/binary"

// Bits of an item's info byte.
const (
	hasOrigin      = 0x80
	hasRightOrigin = 0x40
	hasParentSub   = 0x20
	contentMask    = 0x1f
)

// refString is the content reference of a run of text.
const refString = 4

// AppendText appends the eight characters that update number n (from 1) types: the number in seven letters and a space.
func AppendText(dst []byte, n uint32) []byte {
	var word [UpdateUnits]byte
	word[UpdateUnits-1] = ' '
	for i := UpdateUnits - 2; i >= 0; i-- {
		word[i] = 'a' + byte(n%26)
		n /= 26
	}
	return append(dst, word[:]...)
}

// AppendUpdate appends the message with update number n (from 1) of a client.
func AppendUpdate(dst []byte, client uint64, n uint32) []byte {
	var body [64]byte
	update := appendRun(body[:0], client, n-1, n)
	dst = append(dst, TypeSync, SyncUpdate, byte(len(update))) // at most 40 bytes, so the length is one byte
	return append(dst, update...)
}

// AppendStep1 appends the sync step 1 of a client with an empty document.
func AppendStep1(dst []byte) []byte { return append(dst, TypeSync, SyncStep1, 1, 0) }

// AppendStep2 appends the sync step 2 of a client that has made sent updates, for a server that has the first known
// units of them.
func AppendStep2(dst []byte, client uint64, known uint64, sent uint32) []byte {
	// An update that the server has in part is sent whole: Yjs takes only what it does not have.
	update := appendRun(nil, client, uint32(min(known/UpdateUnits, uint64(sent))), sent)
	dst = append(dst, TypeSync, SyncStep2)
	dst = binary.AppendUvarint(dst, uint64(len(update)))
	return append(dst, update...)
}

// appendRun appends a V1 update with a client's updates from number after+1 to number through as one item: the update
// without structs if there are none.
func appendRun(dst []byte, client uint64, after, through uint32) []byte {
	if after >= through {
		return append(dst, 0, 0)
	}
	clock := uint64(after) * UpdateUnits
	dst = append(dst, 1, 1) // one client with one struct
	dst = binary.AppendUvarint(dst, client)
	dst = binary.AppendUvarint(dst, clock)
	if after == 0 {
		dst = append(dst, refString, 1) // no origins, so the parent follows: a root type, by name
		dst = appendString(dst, RootText)
	} else {
		dst = append(dst, refString|hasOrigin)
		dst = binary.AppendUvarint(dst, client)
		dst = binary.AppendUvarint(dst, clock-1)
	}
	dst = binary.AppendUvarint(dst, uint64(through-after)*UpdateUnits)
	for n := after + 1; n <= through; n++ {
		dst = AppendText(dst, n)
	}
	return append(dst, 0) // nothing deleted
}

// colors are cursor colours as editors assign them.
var colors = [...]string{"#30bced", "#6eeb83", "#ffbc42", "#ecd444", "#ee6352", "#9ac2c9", "#8acb88", "#1be7ff"}

// AppendPresence appends the message with presence number n (from 1) of a client: a name, a colour and a cursor that
// moves with every message.
func AppendPresence(dst []byte, client uint64, n uint32) []byte {
	var body [160]byte
	state := append(body[:0], `{"user":{"name":"user `...)
	state = appendInt(state, client%100_000)
	state = append(state, `","color":"`...)
	state = append(state, colors[client%uint64(len(colors))]...)
	state = append(state, `"},"cursor":{"x":`...)
	state = appendInt(state, uint64(n)*7%1920)
	state = append(state, `,"y":`...)
	state = appendInt(state, uint64(n)*3%1080)
	state = append(state, "}}"...)
	return appendAwareness(dst, client, n, state)
}

func appendAwareness(dst []byte, client uint64, clock uint32, state []byte) []byte {
	var head [24]byte
	h := append(head[:0], 1) // one client
	h = binary.AppendUvarint(h, client)
	h = binary.AppendUvarint(h, uint64(clock))
	h = binary.AppendUvarint(h, uint64(len(state)))
	dst = append(dst, TypeAwareness)
	dst = binary.AppendUvarint(dst, uint64(len(h)+len(state)))
	dst = append(dst, h...)
	return append(dst, state...)
}

func appendString(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

func appendInt(dst []byte, v uint64) []byte {
	var digits [20]byte
	i := len(digits)
	for {
		i--
		digits[i] = '0' + byte(v%10)
		if v /= 10; v == 0 {
			return append(dst, digits[i:]...)
		}
	}
}
