package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/symphony-rtc/symphony/internal/roomid"
)

// Reader reads an archive, compressed or not, and is strict: entries that do not belong there, checksums that are wrong and a
// missing end are errors, which wrap ErrInvalid. What it returned before an error may be used only by somebody who does not mind:
// whoever does reads the archive to its end first.
type Reader struct {
	tar      *tar.Reader
	zstd     *zstd.Decoder // nil if it is not compressed
	rest     io.Reader     // what comes after the tar's end
	manifest Manifest
	all      hash.Hash
	found    end

	dir     string
	sums    strings.Builder
	left    int // versions of the room that were not read yet
	damaged bool
	inRoom  bool
}

// NewReader reads the manifest. Close the Reader.
func NewReader(r io.Reader) (*Reader, error) {
	buffered := bufio.NewReader(r)
	ar := &Reader{all: sha256.New(), rest: buffered}
	if head, _ := buffered.Peek(4); bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}) { // RFC 8878
		decoder, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20))
		if err != nil {
			return nil, fmt.Errorf("decompress an export: %w", err)
		}
		ar.zstd, ar.rest = decoder, decoder
	}
	ar.tar = tar.NewReader(ar.rest)
	text, err := ar.entry(manifestName, maxJSON)
	if err == nil {
		err = unmarshal(manifestName, text, &ar.manifest)
	}
	switch {
	case err != nil:
	case ar.manifest.Format != format:
		err = fmt.Errorf("its %s says that it is something else: %w", manifestName, ErrInvalid)
	case ar.manifest.Version != version:
		err = fmt.Errorf("it has version %d of the format, and this program knows version %d: use a newer one", ar.manifest.Version, version)
	}
	if err != nil {
		ar.Close()
		return nil, err
	}
	ar.all.Write(text)
	return ar, nil
}

// Close gives free what decompressing took. It does not close what was given to NewReader.
func (r *Reader) Close() {
	if r.zstd != nil {
		r.zstd.Close()
	}
}

// Manifest returns what the archive says about itself.
func (r *Reader) Manifest() Manifest { return r.manifest }

// Damaged is how many of the rooms read so far have something that could not be read when they were written.
func (r *Reader) Damaged() int { return r.found.Damaged }

func unmarshal(name string, text []byte, into any) error {
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s cannot be read (%v): %w", name, err, ErrInvalid)
	}
	return nil
}

// next returns the header of the next entry.
func (r *Reader) next() (*tar.Header, error) {
	header, err := r.tar.Next()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("it ends too early: %w", ErrInvalid)
	case err != nil:
		return nil, fmt.Errorf("%v: %w", err, ErrInvalid)
	case header.Typeflag != tar.TypeReg:
		return nil, fmt.Errorf("%q does not belong there: %w", header.Name, ErrInvalid)
	}
	return header, nil
}

// body reads an entry, and notes its checksum if it belongs to a room.
func (r *Reader) body(header *tar.Header, limit int64) ([]byte, error) {
	if header.Size > limit {
		return nil, fmt.Errorf("%q has %d bytes, more than the limit of %d: %w", header.Name, header.Size, limit, ErrInvalid)
	}
	// Memory grows with what really comes, not with what the header promises.
	var b bytes.Buffer
	if _, err := io.Copy(&b, r.tar); err != nil {
		return nil, fmt.Errorf("it ends too early or is damaged, in %q (%v): %w", header.Name, err, ErrInvalid)
	}
	body := b.Bytes()
	if name := strings.TrimPrefix(header.Name, r.dir+"/"); r.inRoom && name != sumsName {
		sum := sha256.Sum256(body)
		fmt.Fprintf(&r.sums, "%s  %s\n", hex.EncodeToString(sum[:]), name)
	}
	return body, nil
}

// entry reads the next entry, which must have that name.
func (r *Reader) entry(name string, limit int64) ([]byte, error) {
	header, err := r.next()
	if err != nil {
		return nil, err
	}
	if want := path.Join(r.dir, name); header.Name != want {
		return nil, fmt.Errorf("it has %q where %q should be: %w", header.Name, want, ErrInvalid)
	}
	return r.body(header, limit)
}

// NextRoom goes to the next room. io.EOF says that there is none, and that the archive is whole.
func (r *Reader) NextRoom() (Room, error) {
	if r.inRoom {
		if err := r.skip(); err != nil {
			return Room{}, err
		}
	}
	header, err := r.next()
	if err != nil {
		return Room{}, err
	}
	if header.Name == endName {
		return Room{}, r.finish(header)
	}
	r.dir, r.inRoom = dirOf(r.found.Rooms+1), true
	if want := path.Join(r.dir, roomName); header.Name != want {
		return Room{}, fmt.Errorf("it has %q where %q should be: %w", header.Name, want, ErrInvalid)
	}
	r.sums.Reset()
	var room Room
	text, err := r.body(header, maxJSON)
	if err == nil {
		err = unmarshal(header.Name, text, &room)
	}
	if err != nil {
		return Room{}, err
	}
	if err := roomid.Check(room.ID); err != nil || room.Versions < 0 {
		return Room{}, fmt.Errorf("%s describes no room (%v): %w", header.Name, err, ErrInvalid)
	}
	r.found.Rooms++
	r.left, r.damaged = room.Versions, len(room.Damage) > 0
	return room, nil
}

// skip reads what was not read of a room.
func (r *Reader) skip() error {
	for r.left > 0 {
		if _, _, err := r.NextVersion(); err != nil {
			return err
		}
	}
	_, err := r.Document()
	return err
}

// NextVersion returns the next version of the room, from the oldest, with its document (a V2 update; nil of one that was
// damaged). io.EOF says that there are no more.
func (r *Reader) NextVersion() (Version, []byte, error) {
	if r.left == 0 {
		return Version{}, nil, io.EOF
	}
	header, err := r.next()
	if err != nil {
		return Version{}, nil, err
	}
	var v Version
	text, err := r.body(header, maxJSON)
	if err == nil {
		err = unmarshal(header.Name, text, &v)
	}
	if err != nil {
		return Version{}, nil, err
	}
	about, body := versionNames(v.Number)
	if want := path.Join(r.dir, about); header.Name != want {
		return Version{}, nil, fmt.Errorf("it has %q where a version should be: %w", header.Name, ErrInvalid)
	}
	r.left--
	if v.Damage != "" {
		r.damaged = true
		return v, nil, nil
	}
	document, err := r.entry(body, maxDocument)
	return v, document, err
}

// Document returns the room's newest document (a V2 update), after its versions. The room's checksums are right if there is
// no error.
func (r *Reader) Document() ([]byte, error) {
	document, err := r.entry(documentName, maxDocument)
	if err != nil {
		return nil, err
	}
	sums, err := r.entry(sumsName, maxSums)
	if err != nil {
		return nil, err
	}
	if string(sums) != r.sums.String() {
		return nil, fmt.Errorf("checksums of %s are wrong, so it was damaged or changed: %w", r.dir, ErrInvalid)
	}
	r.all.Write(sums)
	r.dir, r.inRoom = "", false
	if r.damaged {
		r.found.Damaged++
	}
	return document, nil
}

// finish checks the end, and that nothing comes after it.
func (r *Reader) finish(header *tar.Header) error {
	r.dir = ""
	text, err := r.body(header, maxJSON)
	var e end
	if err == nil {
		err = unmarshal(endName, text, &e)
	}
	if err != nil {
		return err
	}
	r.found.SHA256 = hex.EncodeToString(r.all.Sum(nil))
	if e != r.found {
		return fmt.Errorf("its end does not agree with what is in it: %w", ErrInvalid)
	}
	if _, err := r.tar.Next(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("something follows its end (%v): %w", err, ErrInvalid)
	}
	if _, err := io.Copy(io.Discard, r.rest); err != nil { // padding, and the checksum of compressed ones
		return fmt.Errorf("it is damaged at its end (%v): %w", err, ErrInvalid)
	}
	return io.EOF
}
