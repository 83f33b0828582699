package store

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"regexp"
)

// The format of a snapshot object: a header, the room id and the body, which is the document as a V2 update. Integers are
// little endian.
//
//	 0  8  magic "SYMSNAP" and the format's version, 1
//	 8  1  encoding of the body: 0 plain, 1 one zstd frame
//	 9  1  length of the room id, 0-255
//	10  6  length of the document before its encoding; 0 if plain
//	16  8  epoch of the host that wrote it
//	24  8  through: number of the newest update inside
//	32  8  length of the body
//	40  4  CRC-32C of the body
//	44  4  CRC-32C of the header (bytes 0-43) followed by the room id
//	48  n  room id, then the body
const (
	snapshotMagic   = "SYMSNAP"
	snapshotVersion = 1
	snapshotHeader  = 48
)

// encoding says how a document became the body of an object.
type encoding byte

const (
	encodingPlain encoding = 0
	encodingZstd  encoding = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// snapshotInfo is what a snapshot object says about itself.
type snapshotInfo struct {
	room    string
	epoch   uint64
	through uint64
}

// encodeSnapshot returns an object in two parts, what comes before the body and the body, which is the document itself
// where compressing it does not pay.
func encodeSnapshot(info snapshotInfo, document []byte) (header, body []byte) {
	if body, ok := compress(document); ok {
		return appendSnapshotHeader(nil, info, encodingZstd, len(document), body), body
	}
	return appendSnapshotHeader(nil, info, encodingPlain, 0, document), document
}

// appendSnapshotHeader appends everything of the object that comes before the body.
func appendSnapshotHeader(dst []byte, info snapshotInfo, is encoding, length int, body []byte) []byte {
	at := len(dst)
	dst = append(dst, snapshotMagic...)
	dst = append(dst, snapshotVersion, byte(is), byte(len(info.room)))
	dst = append(dst, binary.LittleEndian.AppendUint64(nil, uint64(length))[:6]...)
	dst = binary.LittleEndian.AppendUint64(dst, info.epoch)
	dst = binary.LittleEndian.AppendUint64(dst, info.through)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(body)))
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(body, castagnoli))
	sum := crc32.Update(crc32.Checksum(dst[at:], castagnoli), castagnoli, []byte(info.room))
	dst = binary.LittleEndian.AppendUint32(dst, sum)
	return append(dst, info.room...)
}

// parseSnapshot checks an object and returns its header and the document, which may share memory with object.
func parseSnapshot(object []byte) (snapshotInfo, []byte, error) {
	var info snapshotInfo
	switch {
	case len(object) < snapshotHeader:
		return info, nil, fmt.Errorf("it has %d bytes, less than a header", len(object))
	case string(object[:7]) != snapshotMagic:
		return info, nil, fmt.Errorf("it does not begin with %q", snapshotMagic)
	case object[7] != snapshotVersion || encoding(object[8]) > encodingZstd:
		return info, nil, fmt.Errorf("its format is %d.%d, this program reads %d.%d to %d.%d: a newer version wrote it, or it is damaged",
			object[7], object[8], snapshotVersion, encodingPlain, snapshotVersion, encodingZstd)
	}
	bodyAt := snapshotHeader + int(object[9])
	if len(object) < bodyAt {
		return info, nil, fmt.Errorf("it has %d bytes, less than a header", len(object))
	}
	sum := crc32.Update(crc32.Checksum(object[:44], castagnoli), castagnoli, object[snapshotHeader:bodyAt])
	if sum != binary.LittleEndian.Uint32(object[44:]) {
		return info, nil, fmt.Errorf("the checksum of its header is wrong")
	}
	document := object[bodyAt:]
	if want := binary.LittleEndian.Uint64(object[32:]); want != uint64(len(document)) {
		return info, nil, fmt.Errorf("its body has %d bytes instead of %d", len(document), want)
	}
	if crc32.Checksum(document, castagnoli) != binary.LittleEndian.Uint32(object[40:]) {
		return info, nil, fmt.Errorf("the checksum of its body is wrong")
	}
	length := binary.LittleEndian.Uint64(object[8:]) >> 16
	if encoding(object[8]) == encodingZstd {
		var err error
		if document, err = decompress(document, length); err != nil {
			return info, nil, err
		}
	} else if length != 0 {
		return info, nil, fmt.Errorf("it is plain and gives %d as its length before encoding", length)
	}
	info.room = string(object[snapshotHeader:bodyAt])
	info.epoch = binary.LittleEndian.Uint64(object[16:])
	info.through = binary.LittleEndian.Uint64(object[24:])
	return info, document, nil
}

// keyPattern is what NewSnapshotKey makes. Start-up cleaning touches nothing else.
var keyPattern = regexp.MustCompile(`^[0-9a-f]{2}/[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{16}-[0-9a-f]{16}\.snap$`)

// NewSnapshotKey makes a key that no other snapshot has: a folder of two digits, then 128 bits of the SHA-256 of the
// room id, epoch, through and 64 random bits, all in hexadecimal. The room id itself is data and never part of a key.
func NewSnapshotKey(id string, epoch, through uint64) string {
	name := KeyName(id)
	var nonce [8]byte
	rand.Read(nonce[:]) // never fails (crypto/rand)
	return fmt.Sprintf("%s/%s-%016x-%016x-%x.snap", name[:2], name, epoch, through, nonce)
}

// IsSnapshotKey reports whether NewSnapshotKey could have made the key.
func IsSnapshotKey(key string) bool { return keyPattern.MatchString(key) }

// KeyName is what the keys of all snapshots of a room have in common, and those of no other room.
func KeyName(id string) string {
	hash := sha256.Sum256([]byte(id))
	return hex.EncodeToString(hash[:16])
}

// NameOf is the KeyName of the room that a key, for which IsSnapshotKey holds, was made for.
func NameOf(key string) string { return key[3:35] }
