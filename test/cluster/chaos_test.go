//go:build linux

package cluster

import "time"

// chaos is several faults at the same time, which begin and end at random moments.
var chaos = fault{
	what: "all of it: two to four of these faults at the same time, and one after the other",
	begin: func(w *world) (func(), []*room) {
		var lifts []func()
		for range 2 + w.r.IntN(3) {
			lift, _ := pick(w, chaotic).begin(w)
			lifts = append(lifts, lift)
			time.Sleep(w.upTo(lease))
			if w.r.IntN(3) == 0 {
				i := w.r.IntN(len(lifts))
				lifts[i]()
				lifts = append(lifts[:i], lifts[i+1:]...)
			}
		}
		return func() {
			for _, lift := range lifts {
				lift()
			}
			w.start() // what was killed twice
		}, nil
	},
	hold: seconds(0, 2*lease.Seconds()),
}

var chaotic = []fault{
	killHost, freezeHost("", brief), killProxy, freezeProxy,
	killStorage(etcd, "", brief), killStorage(postgres, "", brief), killStorage(bucket, "", brief),
	freezeStorage(etcd, "", brief), freezeStorage(postgres, "", brief),
	cutHost("", brief, fromEtcd), cutHost("", brief, fromPostgres), cutHost("", brief, fromProxies), cutHost("", brief, fromAll),
	cutProxy("", brief, theRegistry), cutProxy("", brief, theBusiest),
}
