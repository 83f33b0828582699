package services

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/test/network"
)

// TestEtcdCluster takes the leader away, and looks whether the others have what it had; then it comes back.
func TestEtcdCluster(t *testing.T) {
	c := NewEtcdCluster(t, EtcdOptions{TLS: true}, make([]network.Place, 3)...)
	client := c.client(t)
	post := func(member *Server, path, body string) (string, error) {
		resp, err := client.Post("https://"+member.Addr+path, "application/json", strings.NewReader(body))
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		answer := new(strings.Builder)
		err = resp.Write(answer)
		return answer.String(), err
	}
	leader := func() int {
		t.Helper()
		i, err := c.Leader()
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	first := leader()
	if answer, err := post(c.Members[first], "/v3/kv/put", `{"key": "a2V5", "value": "dmFsdWU="}`); err != nil {
		t.Fatal(answer, err)
	}
	c.Members[first].Kill()
	second := leader()
	if second == first {
		t.Fatal("a member leads that is dead")
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for i, m := range c.Members {
		answer, err := post(m, "/v3/kv/range", `{"key": "a2V5"}`)
		if err != nil || !strings.Contains(answer, "dmFsdWU=") {
			t.Errorf("member %d has forgotten: %s, %v", i, answer, err)
		}
	}

	// Two of three are gone: nobody leads. Both are needed to start.
	c.Members[leader()].Kill()
	c.Members[leader()].Kill()
	for _, m := range c.Members {
		for deadline := time.Now().Add(patience); m.leads(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("a member leads without a majority")
			}
		}
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	leader()

	nobody := *client
	nobody.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: client.Transport.(*http.Transport).TLSClientConfig.RootCAs}}
	if resp, err := nobody.Get("https://" + c.Members[0].Addr + "/version"); err == nil {
		resp.Body.Close()
		t.Error("who has no certificate is served")
	}
}

// client is one that the members accept.
func (c *EtcdCluster) client(t *testing.T) *http.Client {
	t.Helper()
	authority, err := os.ReadFile(c.CA)
	if err != nil {
		t.Fatal(err)
	}
	own, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}}}}
}
