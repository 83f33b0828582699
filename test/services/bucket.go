package services

import (
	"strings"
	"testing"
)

// Bucket is an empty bucket of a server of its own.
type Bucket struct {
	*Server
	Durable bool     // objects survive Kill; otherwise only Stop
	URL     string   // for objects.Open and `symphony --snapshots`
	Env     []string // the environment (NAME=value) that a process needs beside URL: credentials, an emulator's address
}

// Setenv puts Env into the environment of this process until the test ends. As with T.Setenv, the test cannot be parallel.
func (b *Bucket) Setenv(t testing.TB) {
	t.Helper()
	for _, variable := range b.Env {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
}

// Via returns the bucket as seen through another address (host:port): that of a proxy in front of the server.
func (b *Bucket) Via(addr string) *Bucket {
	seen := &Bucket{Server: b.Server, Durable: b.Durable, URL: strings.ReplaceAll(b.URL, b.Addr, addr)}
	for _, variable := range b.Env {
		seen.Env = append(seen.Env, strings.ReplaceAll(variable, b.Addr, addr))
	}
	return seen
}
