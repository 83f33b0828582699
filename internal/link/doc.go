// Package link carries many streams over one connection between a proxy and a host.
//
// Each client of a proxy has a stream of its own to the host that serves its room. A stream is to either side what a TCP connection
// would be: bytes in order both ways, each way ended by itself, and a side that reads slowly is sent no more than a window. What
// streams have to say at about the same time shares system calls: most of what a message costs is the kernel's work for each
// call, and a room says the same thing to all of its members at once. And the 10,000 clients of a host that ends need one
// connection to the next host, not 10,000.
//
// # The bytes
//
// The dialling side asks for the connection with an HTTP upgrade (Protocol), then both send frames. A frame is a header of 8 bytes and its
// payload. The header is a little-endian number: the kind in its lowest 8 bits, the length of the payload in the next 24, the number of
// the stream in the upper 32.
//
//	open    a new stream; only from the side that dialled, with a number higher than all before; no payload
//	data    bytes of the stream, never more than the other side has room for
//	window  how many bytes more the other side takes: 4 bytes; each stream begins with Window
//	end     nothing more comes; what is sent the other way is still read
//	close   nothing more comes, and nothing is read any more
//	reset   the same, and what came before and is unread is to be thrown away
//
// Frames for a stream that this side has closed mean nothing. All else that is against the rules ends the link, and with it its
// streams. A side has no more than 65,536 streams open at once for the other, and resets the next. There are no pings: that the other machine is gone is for TCP to find out.
package link

// Protocol is what an HTTP request says in its Upgrade header to become a link.
const Protocol = "symphony-link"

// Path is where hosts take requests for links.
const Path = "/link"

// Window is how many bytes of a stream may be under way or unread each way.
const Window = 256 << 10

const (
	kindOpen   = 1
	kindData   = 2
	kindWindow = 3
	kindEnd    = 4
	kindClose  = 5
	kindReset  = 6
)

const (
	headerSize = 8
	readSize   = 64 << 10 // of the buffer that a wakeup reads into
	maxQueue   = 1 << 20  // bytes that may wait to be written; then streams wait
	maxAnswers = 8 << 20  // bytes that may when the other side opens one more stream: with maxQueue, 100 for each of maxStreams
	maxStreams = 1 << 16  // that the other side may have open at once
)

// header is a frame's.
func header(kind byte, id uint32, length int) uint64 {
	return uint64(kind) | uint64(length)<<8 | uint64(id)<<32
}
