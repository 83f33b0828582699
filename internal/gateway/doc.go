// Package gateway is the HTTP and WebSocket edge of a host: it turns GET /rooms/{id} into a member of a room.
//
// It owns the sockets. A connection is one goroutine that is parked, without a buffer, until its socket is readable;
// it then reads as many frames as are there into a pooled buffer and hands each message to its room where it lies, so
// that a message that arrived can be relayed without a copy (reader.go). Nobody ever waits for a socket to be
// writable while holding a lock: what a socket does not take at once is queued, within bounds (outbox.go). Everything
// that happens from time to time, pings and signs of life, is done for all connections by one goroutine (sweep.go).
//
// The transport is behind the socket interface and knows nothing of rooms: an event loop can replace the goroutine per
// connection without the rest noticing.
package gateway
