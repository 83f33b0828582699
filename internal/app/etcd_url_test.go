package app

import (
	"reflect"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/internal/cluster/etcd"
)

func TestEtcdURL(t *testing.T) {
	for _, c := range []struct {
		where string
		want  etcd.Options
	}{
		{"etcd://a", etcd.Options{Endpoints: []string{"http://a:2379"}}},
		{"etcd://a:1/", etcd.Options{Endpoints: []string{"http://a:1"}}},
		{"etcds://a:1,b,c:3/some/where/", etcd.Options{Endpoints: []string{"https://a:1", "https://b:2379", "https://c:3"}, Prefix: "/some/where"}},
		{"etcd://[::1]:1,[fe80::2]/x", etcd.Options{Endpoints: []string{"http://[::1]:1", "http://[fe80::2]:2379"}, Prefix: "/x"}},
		{"etcd://me:p%2F%40s@a,b:2", etcd.Options{Endpoints: []string{"http://a:2379", "http://b:2"}, Username: "me", Password: "p/@s"}},
		{"etcd://me@a", etcd.Options{Endpoints: []string{"http://a:2379"}, Username: "me"}},
	} {
		if got, err := etcdAt(c.where); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s is %+v, %v", c.where, got, err)
		}
	}
	for _, where := range []string{"etcd:", "etcd://", "etcd:///x", "etcd:a:1", "etcd://a,", "etcd://,a", "etcd://:1", "etcd://a:x", "etcd://::1", "etcd://a:1?secret=1",
		"etcd://secret:secret@", "etcd://a#secret", "http://a", "etcdx://a"} {
		if got, err := etcdAt(where); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s is %+v, %v", where, got, err)
		}
	}
}
