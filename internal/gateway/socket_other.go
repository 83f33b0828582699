//go:build !unix

package gateway

import "net"

// newPolledSocket returns nil: reading and writing descriptors like this needs a Unix system.
func newPolledSocket(net.Conn) socket { return nil }
