package etcd_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/symphony-rtc/symphony/internal/cluster"
	"github.com/symphony-rtc/symphony/internal/cluster/clustertest"
	"github.com/symphony-rtc/symphony/internal/cluster/etcd"
	"github.com/symphony-rtc/symphony/test/services"
)

// checkRefused opens a registry that cannot be opened, and looks whether the error helps.
func checkRefused(t *testing.T, o etcd.Options, wants ...string) {
	t.Helper()
	o.Timeout = 2 * time.Second
	r, err := etcd.Open(t.Context(), o)
	if err == nil {
		r.Close()
		t.Errorf("%+v is good enough", o)
		return
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\ndoes not say %q", err, want)
		}
	}
}

func TestNoEtcd(t *testing.T) {
	ln := listen(t)
	ln.Close() // nobody listens there
	url := "http://" + ln.Addr().String()
	checkRefused(t, etcd.Options{Endpoints: []string{url}}, "connect", url, "check that etcd runs", "refused")
	checkRefused(t, etcd.Options{}, "at least one")

	silent := listen(t) // takes connections and says nothing
	defer silent.Close()
	checkRefused(t, etcd.Options{Endpoints: []string{"http://" + silent.Addr().String()}}, "check that etcd runs")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := etcd.Open(ctx, etcd.Options{Endpoints: []string{url}}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

// TestOneOfTwoEndpoints has two addresses, and nobody at the first.
func TestOneOfTwoEndpoints(t *testing.T) {
	server := services.Etcd(t)
	ln := listen(t)
	ln.Close()
	r, err := etcd.Open(t.Context(), etcd.Options{Endpoints: []string{"http://" + ln.Addr().String(), "http://" + server.Addr}, TTL: ttl})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	m := join(t, r, "one")
	claim(t, m, "room", "one")
	checkOwner(t, r, "room", "one")
	if err := m.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestPasswords turns authentication on, and uses a user who may do no more than a registry needs.
func TestPasswords(t *testing.T) {
	server := services.Etcd(t)
	url := "http://" + server.Addr
	plain := open(t, server.Addr, "/setup").Client()
	ctx := t.Context()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(plain.UserAdd(ctx, "root", "secret of root"))
	must(plain.UserGrantRole(ctx, "root", "root"))
	must(plain.RoleAdd(ctx, "symphony"))
	must(plain.RoleGrantPermission(ctx, "symphony", "/symphony/", clientv3.GetPrefixRangeEnd("/symphony/"),
		clientv3.PermissionType(clientv3.PermReadWrite)))
	must(plain.UserAdd(ctx, "symphony", "secret"))
	must(plain.UserGrantRole(ctx, "symphony", "symphony"))
	must(plain.AuthEnable(ctx))

	endpoints := []string{url}
	checkRefused(t, etcd.Options{Endpoints: endpoints}, "check the user name and the password")
	checkRefused(t, etcd.Options{Endpoints: endpoints, Username: "symphony", Password: "guess"}, "check the user name and the password")
	checkRefused(t, etcd.Options{Endpoints: endpoints, Username: "symphony", Password: "secret", Prefix: "/other"}, "begin with /other/")

	r, err := etcd.Open(ctx, etcd.Options{Endpoints: endpoints, Username: "symphony", Password: "secret", TTL: ttl})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	useAll(t, r)
	server.Kill() // and with it what etcd knows of our login
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	useAll(t, r)
}

// useAll does everything with a registry.
func useAll(t *testing.T, r cluster.Registry) {
	t.Helper()
	view := cluster.NewView(t.Context(), r)
	clustertest.Await(t, "the view is in step", view.Synced())
	var one, two cluster.Membership
	clustertest.Eventually(t, "join", func() (err error) {
		one, err = r.Join(t.Context(), cluster.Host{ID: "one"})
		return err
	})
	two = join(t, r, "two")
	claim(t, one, "a", "one")
	claim(t, one, "b", "one")
	if err := one.Release(t.Context(), "a", "two"); err != nil {
		t.Fatal(err)
	}
	checkOwner(t, r, "a", "two")
	if err := r.Forget(t.Context(), "b", "one"); err != nil {
		t.Fatal(err)
	}
	clustertest.Await(t, "the news of a room taken", one.Taken())
	if err := two.Update(t.Context(), cluster.Host{Rooms: 7}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(ttl + time.Second) // so that the leases have to be renewed
	clustertest.Eventually(t, "the view follows", func() error {
		if h, _ := view.Owner("a"); h.Rooms != 7 {
			return errors.New("it does not know of the update")
		}
		return nil
	})
	for _, m := range []cluster.Membership{one, two} {
		if !isOpen(m.Lost()) {
			t.Error("lost")
		}
		if err := m.Leave(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestTLS speaks with etcd through an end of TLS that asks for a certificate.
func TestTLS(t *testing.T) {
	server := services.Etcd(t)
	authority, pool := certificate(t, nil)
	serverCert, _ := certificate(t, &authority)
	clientCert, _ := certificate(t, &authority)
	ln := tls.NewListener(listen(t), &tls.Config{Certificates: []tls.Certificate{serverCert}, ClientCAs: pool,
		ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: []string{"h2"}})
	endpoints := []string{"https://" + lay(t, ln, server.Addr).Addr}
	checkRefused(t, etcd.Options{Endpoints: endpoints}, "certificate")
	checkRefused(t, etcd.Options{Endpoints: endpoints, TLS: &tls.Config{RootCAs: pool}}, endpoints[0])
	r, err := etcd.Open(t.Context(), etcd.Options{Endpoints: endpoints, TTL: ttl,
		TLS: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{clientCert}}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	useAll(t, r)
}

// certificate makes a certificate for 127.0.0.1 that an authority signed, nil for an authority.
func certificate(t *testing.T, authority *tls.Certificate) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	parent, signer := template, key
	if authority != nil {
		parent, signer = authority.Leaf, authority.PrivateKey.(*ecdsa.PrivateKey)
	} else {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}
