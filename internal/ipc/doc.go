// Package ipc is how processes of one machine that belong together talk: messages over a Unix socket that only their user can
// open. One side dials and asks (Client), the other serves (Server). Calls have answers, in any order, and a context whose end is
// passed on; posts are one-way and stay in order. Many messages share one write, and long ones travel in pieces that let short
// ones pass.
//
// Both sides are the same program, so the format has no compatibility of its own: the hello carries the name and the layout of
// what is spoken (Protocol), and ends connections between programs that differ.
//
// The format of a frame. Integers are little endian.
//
//	 0  4  length of the body
//	 4  1  kind: hello, post, call, cancel, answer, failure
//	 5  1  op: what a call or post is about, by the protocol
//	 6  1  1 if the body goes on in the next frame of this kind and id, else 0
//	 7  1  zero
//	 8  8  id: the number of a call; of a post what the protocol says
//	16     body
package ipc
