// Package bench is the load generator behind `symphony bench reference`. It plays many users of any server that speaks
// the y-websocket protocol, and measures what they would notice: how long documents and presence take from one user to
// the others, what gets lost, who is cut off, and what the server spends on it.
//
// It is an open loop: every message has a time at which it is due, whatever the server does, and delivery is measured
// from that time, so that a server (or a generator) that falls behind shows in the percentiles.
//
// One event loop (loop_linux.go) drives all connections on one thread with epoll, non-blocking sockets and WebSocket
// framing of its own, because on a machine with two cores the generator must cost less than the server.
package bench
