// Package ws is what the two ends of Symphony that take WebSockets from clients share, the gateway and the proxy: the opening
// handshake with its checks, the origin policy, frames, and sockets that are read without holding a buffer while they wait.
package ws
