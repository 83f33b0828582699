package ws_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/ws/sockettest"
)

// pair returns both ends of a connection that an operating system carries, with small buffers.
func pair(t *testing.T, network, address string) (a, b net.Conn) {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if a, err = net.Dial(network, listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	if b, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	for _, nc := range []net.Conn{a, b} {
		sized := nc.(interface {
			SetReadBuffer(int) error
			SetWriteBuffer(int) error
		})
		if err := sized.SetReadBuffer(128 << 10); err != nil {
			t.Fatal(err)
		}
		if err := sized.SetWriteBuffer(128 << 10); err != nil {
			t.Fatal(err)
		}
	}
	return a, b
}

func TestTCP(t *testing.T) {
	sockettest.Run(t, sockettest.Kind{Reset: sockettest.ResetFails, Pair: func(t *testing.T) (a, b net.Conn) {
		return pair(t, "tcp", "127.0.0.1:0")
	}})
}

func TestUnix(t *testing.T) {
	sockettest.Run(t, sockettest.Kind{Reset: sockettest.ResetEnds, Pair: func(t *testing.T) (a, b net.Conn) {
		return pair(t, "unix", filepath.Join(t.TempDir(), "s"))
	}})
}

func TestTLS(t *testing.T) {
	certificate := selfSigned(t)
	roots := x509.NewCertPool()
	roots.AddCert(certificate.Leaf)
	sockettest.Run(t, sockettest.Kind{Reset: sockettest.ResetEnds, Sealed: true, Pair: func(t *testing.T) (a, b net.Conn) {
		a, b = pair(t, "tcp", "127.0.0.1:0")
		client := tls.Client(a, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"})
		server := tls.Server(b, &tls.Config{Certificates: []tls.Certificate{certificate}})
		shaken := make(chan error, 1)
		go func() { shaken <- server.Handshake() }()
		if err := client.Handshake(); err != nil {
			t.Fatal(err)
		}
		if err := <-shaken; err != nil {
			t.Fatal(err)
		}
		return client, server
	}})
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private, Leaf: leaf}
}
