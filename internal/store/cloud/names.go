package cloud

import (
	"fmt"
	"io/fs"
	"strings"
)

// Prefix comes before every key in a bucket, which then may hold other things, too: "" or a path that ends in a slash.
type Prefix string

// NewPrefix makes a Prefix of a path such as "symphony/snapshots", with or without slashes around it.
func NewPrefix(path string) (Prefix, error) {
	path = strings.Trim(path, "/")
	if path == "" {
		return "", nil
	}
	if !fs.ValidPath(path) {
		return "", fmt.Errorf("%q cannot be the path of snapshots in a bucket: a part of it is empty or consists of dots", path)
	}
	return Prefix(path + "/"), nil
}

// Name returns the name that a key has in the bucket.
func (p Prefix) Name(key string) (string, error) {
	if !fs.ValidPath(key) || key == "." {
		return "", fmt.Errorf("%q is not a key of a snapshot", key)
	}
	return string(p) + key, nil
}

// Key returns the key of a name in the bucket; ok is false if the name is none of ours.
func (p Prefix) Key(name string) (key string, ok bool) {
	key, ok = strings.CutPrefix(name, string(p))
	return key, ok && fs.ValidPath(key)
}
