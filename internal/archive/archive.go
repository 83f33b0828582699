// Package archive is the format in which rooms are carried from one server to another: a tar stream, described in
// docs/export.md. It knows of no server: it writes and reads entries in order, with their checksums, in memory for one
// document at a time.
package archive

import (
	"errors"
	"time"
)

const (
	format  = "symphony-export"
	version = 1

	manifestName = "manifest.json"
	endName      = "end.json"
	roomName     = "room.json"
	documentName = "document.yjs"
	sumsName     = "SHA256SUMS"
)

const (
	maxJSON     = 1 << 20 // bytes of an entry that describes something
	maxSums     = 64 << 20
	maxDocument = 1 << 30
)

// ErrInvalid is wrapped by errors about a stream that is no archive, or not a whole one.
var ErrInvalid = errors.New("this is no complete export of Symphony")

// Manifest is the first entry.
type Manifest struct {
	Format  string    `json:"format"`  // filled in
	Version int       `json:"version"` // of the format; filled in
	Created time.Time `json:"created"`
	Server  string    `json:"server"` // what the program that wrote it calls itself
}

// Room describes a room and its newest document.
type Room struct {
	ID         string     `json:"id"`
	Created    time.Time  `json:"created"`
	Updated    *time.Time `json:"updated"` // null if nobody ever wrote to it
	Generation uint64     `json:"generation"`
	Versions   int        `json:"versions"`         // how many follow
	Damage     []string   `json:"damage,omitempty"` // what could not be read; the document is what could
}

// Version describes a version of a room.
type Version struct {
	Number     uint64    `json:"number"`
	Created    time.Time `json:"created"`
	Kind       string    `json:"kind"`
	Label      string    `json:"label"`
	Generation uint64    `json:"generation"`
	Damage     string    `json:"damage,omitempty"` // why it has no document
}

// end is the last entry: without it an archive is not whole.
type end struct {
	Rooms   int    `json:"rooms"`
	Damaged int    `json:"damaged"` // rooms with damage, of themselves or of a version
	SHA256  string `json:"sha256"`  // of the manifest and all lists of checksums, in order
}
