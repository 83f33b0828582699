package crdt

import (
	"github.com/symphony-rtc/symphony/crdt/internal/wire"
)

// The functions of this file work on updates as bytes, without a document. They are safe for concurrent use and cost
// time and memory in proportion to the updates (merging sorts them, too). Their errors wrap ErrMalformed if an update or
// state vector cannot be read. Results are those of the functions of the same name in yjs 13.6.33,
// src/utils/updates.js, byte for byte.

// ErrMalformed is wrapped by every error about an update or a state vector that cannot be read.
var ErrMalformed = wire.ErrMalformed

// ErrUnencodable is wrapped by errors about values that V2 can carry and V1 cannot: embeds and format values that are
// bigints or undefined. Yjs throws there too.
var ErrUnencodable = wire.ErrUnencodable

// StateVector says how much of each client's content is known: the clock after the last known unit. A client that is
// missing is at 0.
type StateVector map[uint64]uint32

// DecodeStateVector reads a state vector. It is encoded the same for V1 and V2. Clocks of 2^32 and more are refused.
func DecodeStateVector(b []byte) (StateVector, error) {
	sv, err := wire.DecodeStateVector(b)
	return sv, err
}

// Encode returns the encoded state vector, clients descending (yjs encodeStateVector).
func (sv StateVector) Encode() []byte { return wire.AppendStateVector(nil, sv) }

// MergeUpdates makes one V1 update of several, in any order, overlapping or not. Gaps between them stay gaps. A single
// update is returned as it is, unread; no update gives the empty one.
func MergeUpdates(updates [][]byte) ([]byte, error) { return wire.Merge(updates, wire.V1) }

// MergeUpdatesV2 is MergeUpdates for V2.
func MergeUpdatesV2(updates [][]byte) ([]byte, error) { return wire.Merge(updates, wire.V2) }

// DiffUpdate returns what of a V1 update goes beyond the encoded state vector sv, and all its deletions.
func DiffUpdate(update, sv []byte) ([]byte, error) { return wire.Diff(update, sv, wire.V1) }

// DiffUpdateV2 is DiffUpdate for V2.
func DiffUpdateV2(update, sv []byte) ([]byte, error) { return wire.Diff(update, sv, wire.V2) }

// StateVectorFromUpdate returns the encoded state vector of the document that the V1 update alone would give: of each
// client what there is without a gap from clock 0. Its deletions are not read (yjs encodeStateVectorFromUpdate).
func StateVectorFromUpdate(update []byte) ([]byte, error) { return wire.StateVector(update, wire.V1) }

// StateVectorFromUpdateV2 is StateVectorFromUpdate for V2.
func StateVectorFromUpdateV2(update []byte) ([]byte, error) {
	return wire.StateVector(update, wire.V2)
}

// ConvertUpdateFormatV1ToV2 converts an update.
func ConvertUpdateFormatV1ToV2(update []byte) ([]byte, error) {
	return wire.Convert(update, wire.V1, wire.V2)
}

// ConvertUpdateFormatV2ToV1 converts an update. The error wraps ErrUnencodable if V1 has no form for one of its values.
func ConvertUpdateFormatV2ToV1(update []byte) ([]byte, error) {
	return wire.Convert(update, wire.V2, wire.V1)
}

// ValidateUpdate reads a V1 update to its end and says what is wrong with it, if anything. An update that passes can be
// applied, merged and converted.
func ValidateUpdate(update []byte) error {
	_, err := wire.Scan(update, wire.V1)
	return err
}

// ValidateUpdateV2 is ValidateUpdate for V2.
func ValidateUpdateV2(update []byte) error {
	_, err := wire.Scan(update, wire.V2)
	return err
}

// UpdateIsEmpty reports whether a V1 update neither inserts nor deletes anything. A malformed update is not empty.
func UpdateIsEmpty(update []byte) bool { return isEmpty(update, wire.V1) }

// UpdateIsEmptyV2 is UpdateIsEmpty for V2.
func UpdateIsEmptyV2(update []byte) bool { return isEmpty(update, wire.V2) }

func isEmpty(update []byte, v wire.Version) bool {
	sum, err := wire.Scan(update, v)
	return err == nil && sum.Structs == 0 && sum.Ranges == 0
}
