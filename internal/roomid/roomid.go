// Package roomid says what a room may be called, and reads room ids from the paths of URLs. A room id is any
// non-empty valid UTF-8 text of at most MaxBytes bytes: "..", slashes and control characters included.
package roomid

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// MaxBytes is the longest room id.
const MaxBytes = 255

// ErrTooLong is wrapped by the errors about ids of more than MaxBytes bytes.
var ErrTooLong = errors.New("the room id is too long")

// Decode returns the id that one percent-encoded segment of a path stands for. The segment must be taken from the path as
// the client sent it (url.URL.EscapedPath), since routers clean away what looks like navigation. The id shares no
// memory with the segment.
func Decode(segment string) (string, error) {
	if strings.Contains(segment, "/") {
		return "", errors.New("the room id is one segment of the path: write a slash in it as %2F")
	}
	id, err := url.PathUnescape(segment)
	if err != nil {
		return "", fmt.Errorf("the room id is not percent-encoded correctly: %w", err)
	}
	if err := Check(id); err != nil {
		return "", err
	}
	return strings.Clone(id), nil
}

// Encode is the segment of a path that stands for an id.
func Encode(id string) string {
	if id == "." || id == ".." { // clients would resolve these
		return strings.ReplaceAll(id, ".", "%2E")
	}
	return url.PathEscape(id)
}

// Check says why id cannot name a room; nil if it can.
func Check(id string) error {
	switch {
	case id == "":
		return errors.New("the room id is empty")
	case len(id) > MaxBytes:
		return fmt.Errorf("%w: it has %d bytes, %d are allowed", ErrTooLong, len(id), MaxBytes)
	case !utf8.ValidString(id):
		return errors.New("the room id is not valid UTF-8")
	}
	return nil
}
