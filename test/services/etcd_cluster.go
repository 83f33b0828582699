package services

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/test/network"
)

// EtcdCluster is an etcd of several members. A member counts as started when it is healthy: it has a leader and answers a linearizable read. So Start of a single member does not
// return while there is no majority.
type EtcdCluster struct {
	Members []*Server
	CA      string // file with the authority of the members' certificates; empty without TLS
	Cert    string // file with a certificate that the members accept of a client
	Key     string // file with its key
}

// EtcdOptions are how an EtcdCluster differs from others.
type EtcdOptions struct {
	TLS bool // each member has a certificate for its own address, and asks clients for one
	// Election is when a member that does not hear of the leader wants another one: after once to twice this time. 0 is the second that
	// etcd has by itself.
	Election time.Duration
}

// NewEtcdCluster starts a member in each of the places.
func NewEtcdCluster(t testing.TB, o EtcdOptions, places ...network.Place) *EtcdCluster {
	t.Helper()
	program := etcdProgram(t)
	c := new(EtcdCluster)
	var authority *Authority
	scheme := "http"
	if o.TLS {
		scheme = "https"
		authority = NewAuthority(t)
		c.CA = authority.CA
		c.Cert, c.Key = authority.Issue(t, "client", "127.0.0.1")
	}
	if o.Election == 0 {
		o.Election = time.Second
	}
	var names, peers, initial []string
	for i, place := range places {
		names = append(names, fmt.Sprint("etcd", i+1))
		peers = append(peers, "http://"+place.Addr(t, "2380"))
		initial = append(initial, names[i]+"="+peers[i])
	}
	for i, place := range places {
		s := newServer(t, place, "2379", "/health")
		s.probeAddr = place.Addr(t, "2381") // without TLS
		s.healthy = true
		url := scheme + "://" + s.Addr
		args := []string{"--name", names[i], "--data-dir", s.Dir, "--log-level", "warn", "--logger", "zap", "--initial-cluster", strings.Join(initial, ","),
			"--listen-client-urls", url, "--advertise-client-urls", url, "--listen-metrics-urls", "http://" + s.probeAddr,
			"--heartbeat-interval", fmt.Sprint((o.Election / 10).Milliseconds()), "--election-timeout", fmt.Sprint(o.Election.Milliseconds()),
			"--listen-peer-urls", peers[i], "--initial-advertise-peer-urls", peers[i]}
		if o.TLS {
			ip := place.IP
			if ip == "" {
				ip = "127.0.0.1"
			}
			cert, key := authority.Issue(t, names[i], ip)
			args = append(args, "--cert-file", cert, "--key-file", key, "--client-cert-auth", "--trusted-ca-file", authority.CA)
		}
		s.command = func() *exec.Cmd { return exec.Command(program, args...) }
		c.Members = append(c.Members, s)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// Start starts the members that do not run, at the same time, and returns when they are healthy.
func (c *EtcdCluster) Start() error {
	failed := make([]error, len(c.Members))
	var wg sync.WaitGroup
	for i, m := range c.Members {
		wg.Go(func() { failed[i] = m.Start() })
	}
	wg.Wait()
	return errors.Join(failed...)
}

// Addrs are the addresses for clients, with commas between them.
func (c *EtcdCluster) Addrs() string {
	addrs := make([]string, len(c.Members))
	for i, m := range c.Members {
		addrs[i] = m.Addr
	}
	return strings.Join(addrs, ",")
}

// URLs are those of the members, as clients of etcd want them.
func (c *EtcdCluster) URLs() []string {
	urls := make([]string, len(c.Members))
	for i, m := range c.Members {
		urls[i] = "http://" + m.Addr
		if c.CA != "" {
			urls[i] = "https://" + m.Addr
		}
	}
	return urls
}

// Leader waits until one member says that it leads, and returns its place among Members.
func (c *EtcdCluster) Leader() (int, error) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var leaders []int
		for i, m := range c.Members {
			if m.leads() {
				leaders = append(leaders, i)
			}
		}
		if len(leaders) == 1 {
			return leaders[0], nil
		}
	}
	return 0, fmt.Errorf("etcd has had no leader for %s", patience)
}

// leads reports whether a member of etcd says that it leads.
func (s *Server) leads() bool {
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + s.probeAddr + "/metrics")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return err == nil && bytes.Contains(text, []byte("\netcd_server_is_leader 1\n"))
}
