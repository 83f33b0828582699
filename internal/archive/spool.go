package archive

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Spool keeps a stream in a temporary file, so that an archive can be read to its end before anything is done with it. The
// file has no name any more where the system allows that; Close gives the space free.
func Spool(r io.Reader) (*Spooled, error) {
	f, err := os.CreateTemp("", "symphony-import-*")
	if err != nil {
		return nil, fmt.Errorf("make a temporary file (set TMPDIR to a directory with space): %w", err)
	}
	s := &Spooled{f: f, remove: os.Remove(f.Name()) != nil} // systems that do not remove open files do it later
	if _, err := io.Copy(f, r); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Spooled is a stream in a temporary file.
type Spooled struct {
	f      *os.File
	remove bool
}

// Reader reads the stream from its beginning. Only the newest Reader may be used.
func (s *Spooled) Reader() (io.Reader, error) {
	if _, err := s.f.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the temporary file again: %w", err)
	}
	return s.f, nil
}

// Close removes the file.
func (s *Spooled) Close() error {
	err := s.f.Close()
	if s.remove {
		err = errors.Join(err, os.Remove(s.f.Name()))
	}
	return err
}
