package app

import (
	"errors"
	"net"
	"net/url"
	"strings"

	"github.com/symphony-rtc/symphony/internal/cluster/etcd"
)

// etcdPort is where etcd listens for clients unless told otherwise.
const etcdPort = "2379"

var errEtcdURL = errors.New("setting cluster.registry: it is no URL such as etcd://host:2379,host:2379/prefix")

// etcdAt reads a URL of etcd: etcd://[user:password@]host[:port],host[:port].../prefix, or etcds: with TLS. net/url knows nothing of
// several hosts, so each of them is parsed as a URL of its own. The errors do not repeat the URL, which may have a password.
func etcdAt(where string) (o etcd.Options, err error) {
	scheme, rest, _ := strings.Cut(where, "://")
	rest, prefix, _ := strings.Cut(rest, "/")
	user, hosts := "", rest
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, hosts = rest[:i+1], rest[i+1:]
	}
	as := map[string]string{"etcd": "http", "etcds": "https"}[scheme]
	for host := range strings.SplitSeq(hosts, ",") {
		u, err := url.Parse(as + "://" + user + host + "/" + prefix)
		if err != nil || as == "" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
			return etcd.Options{}, errEtcdURL
		}
		port := u.Port()
		if port == "" {
			port = etcdPort
		}
		o.Endpoints = append(o.Endpoints, as+"://"+net.JoinHostPort(u.Hostname(), port))
		o.Prefix = strings.TrimRight(u.Path, "/")
		if u.User != nil {
			o.Username = u.User.Username()
			o.Password, _ = u.User.Password()
		}
	}
	return o, nil
}
