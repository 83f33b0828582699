package archive

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/symphony-rtc/symphony/internal/roomid"
)

// Writer writes an archive: for each room BeginRoom, its versions from the oldest, and EndRoom with its document; then Close.
type Writer struct {
	tar      *tar.Writer
	zstd     *zstd.Encoder // nil if it is not compressed
	manifest Manifest
	all      hash.Hash // for the last entry
	end      end

	dir     string // of the room that is being written, "" if there is none
	sums    strings.Builder
	left    int // versions of the room that are to come
	damaged bool
}

// NewWriter begins an archive, compressed as a whole with zstd if that is wanted.
func NewWriter(w io.Writer, m Manifest, compress bool) (*Writer, error) {
	m.Format, m.Version = format, version
	aw := &Writer{manifest: m, all: sha256.New()}
	if compress {
		encoder, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return nil, fmt.Errorf("compress an export: %w", err)
		}
		aw.zstd, w = encoder, encoder
	}
	aw.tar = tar.NewWriter(w)
	text, err := aw.json(manifestName, m)
	if err != nil {
		return nil, err
	}
	aw.all.Write(text)
	return aw, nil
}

func (w *Writer) json(name string, value any) ([]byte, error) {
	text, err := json.MarshalIndent(value, "", "  ")
	if err == nil {
		text = append(text, '\n')
		err = w.entry(name, text)
	}
	return text, err
}

// entry writes an entry, and its checksum into the room's list if it belongs to one.
func (w *Writer) entry(name string, body []byte) error {
	header := &tar.Header{Name: path.Join(w.dir, name), Mode: 0o644, Size: int64(len(body)), ModTime: w.manifest.Created, Format: tar.FormatPAX}
	header.ModTime = header.ModTime.Truncate(1e9)
	if err := w.tar.WriteHeader(header); err != nil {
		return fmt.Errorf("write %s: %w", header.Name, err)
	}
	if _, err := w.tar.Write(body); err != nil {
		return fmt.Errorf("write %s: %w", header.Name, err)
	}
	if w.dir != "" && name != sumsName {
		sum := sha256.Sum256(body)
		fmt.Fprintf(&w.sums, "%s  %s\n", hex.EncodeToString(sum[:]), name)
	}
	return nil
}

// dirOf is the folder of the n-th room, from 1. Ids are data, and no names of files.
func dirOf(n int) string { return fmt.Sprintf("rooms/%08d", n) }

func versionNames(n uint64) (about, document string) {
	return fmt.Sprintf("versions/%08d.json", n), fmt.Sprintf("versions/%08d.yjs", n)
}

// BeginRoom begins a room, which has r.Versions versions.
func (w *Writer) BeginRoom(r Room) error {
	if err := roomid.Check(r.ID); err != nil {
		return fmt.Errorf("room %q: %w", r.ID, err)
	}
	w.end.Rooms++
	w.dir, w.left, w.damaged = dirOf(w.end.Rooms), r.Versions, len(r.Damage) > 0
	w.sums.Reset()
	_, err := w.json(roomName, r)
	return err
}

// Version writes a version of the room with its document (a V2 update), or without one if it is damaged.
func (w *Writer) Version(v Version, document []byte) error {
	if w.left--; w.left < 0 {
		panic("archive: more versions than the room has")
	}
	about, body := versionNames(v.Number)
	if _, err := w.json(about, v); err != nil || v.Damage != "" {
		w.damaged = w.damaged || v.Damage != ""
		return err
	}
	return w.entry(body, document)
}

// EndRoom writes the room's newest document (a V2 update).
func (w *Writer) EndRoom(document []byte) error {
	if w.left != 0 {
		panic("archive: fewer versions than the room has")
	}
	if err := w.entry(documentName, document); err != nil {
		return err
	}
	sums := []byte(w.sums.String())
	if err := w.entry(sumsName, sums); err != nil {
		return err
	}
	w.all.Write(sums)
	w.dir = ""
	if w.damaged {
		w.end.Damaged++
	}
	return nil
}

// Damaged is how many rooms so far had something that could not be read.
func (w *Writer) Damaged() int { return w.end.Damaged }

// Close writes the end. It does not close what was given to NewWriter. A Writer that is not closed leaves an archive that
// nobody takes for a whole one.
func (w *Writer) Close() error {
	w.end.SHA256 = hex.EncodeToString(w.all.Sum(nil))
	if _, err := w.json(endName, w.end); err != nil {
		return err
	}
	err := w.tar.Close()
	if err == nil && w.zstd != nil {
		err = w.zstd.Close()
	}
	if err != nil {
		return fmt.Errorf("write the end of an export: %w", err)
	}
	return nil
}
