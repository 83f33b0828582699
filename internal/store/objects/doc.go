// Package objects opens the place of snapshot objects that a URL names: a directory, or a bucket of one of the clouds. It
// can also try out such a place, for `symphony doctor`.
package objects
