//go:build !unix

package ws

import "net"

// newPolledSocket returns nil: reading and writing descriptors like this needs a Unix system.
func newPolledSocket(net.Conn) Socket { return nil }
