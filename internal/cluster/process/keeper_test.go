package process

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/cluster"
)

// TestChildrenThatEnd: those that were of no use delay the next one, others do not.
func TestChildrenThatEnd(t *testing.T) {
	crash := errors.New("it crashed")
	for name, x := range map[string]struct {
		child    child
		capacity int
		err      error
		delays   bool
	}{
		"crashed before it had a room":     {child{}, 1, crash, true},
		"ended before it had a room":       {child{}, 1, nil, true},
		"crashed with its room":            {child{used: true}, 1, crash, false},
		"has had its room":                 {child{used: true, draining: true}, 1, nil, false},
		"one for many rooms crashed":       {child{used: true}, 2, crash, true},
		"one for many rooms was drained":   {child{used: true, draining: true}, 2, nil, false},
		"crashed when it was told to end":  {child{ending: true}, 1, crash, false},
		"one for many was told to end":     {child{ending: true, used: true}, 2, crash, false},
		"drained, and crashed in the end":  {child{used: true, draining: true}, 2, crash, true},
		"killed because it was not needed": {child{ending: true}, 2, crash, false},
	} {
		o := Options{Capacity: x.capacity, RetryMin: time.Hour, RetryMax: time.Hour, Log: slog.New(slog.DiscardHandler)}
		k := &keeper{o: o, children: make(map[string]*child)}
		c := &x.child
		c.log, c.out = o.Log, &output{log: o.Log}
		k.ended(exit{c, x.err})
		if delays := time.Now().Before(k.notBefore); delays != x.delays {
			t.Errorf("%s: the next one is delayed: %t", name, delays)
		}
	}
}

// TestWhatCounts: which children are those that can have a room.
func TestWhatCounts(t *testing.T) {
	now := time.Now()
	for name, x := range map[string]struct {
		child     child
		one, many bool
	}{
		"starting":                    {child{}, true, true},
		"there":                       {child{joined: true, present: true}, true, true},
		"not there any more":          {child{joined: true}, false, false},
		"draining":                    {child{joined: true, present: true, draining: true}, false, false},
		"told to end":                 {child{joined: true, present: true, ending: true}, false, false},
		"has had a room":              {child{joined: true, present: true, used: true}, false, true},
		"has had none for a moment":   {child{joined: true, present: true, used: true, idle: now}, false, true},
		"has had none for long":       {child{joined: true, present: true, used: true, idle: now.Add(-time.Hour)}, true, true},
		"has had none, and is ending": {child{joined: true, used: true, idle: now.Add(-time.Hour), ending: true}, false, false},
	} {
		for capacity, want := range map[int]bool{1: x.one, 2: x.many} {
			k := &keeper{o: Options{Capacity: capacity, Unused: time.Minute}}
			if got := k.counts(&x.child); got != want {
				t.Errorf("%s, capacity %d: counts %t", name, capacity, got)
			}
		}
	}
}

// TestOverdue: which children are killed, and when.
func TestOverdue(t *testing.T) {
	began := time.Now()
	k := &keeper{o: Options{Patience: time.Minute}}
	for name, x := range map[string]struct {
		child child
		at    time.Time
	}{
		"starting":        {child{absent: began}, began.Add(time.Minute)},
		"there":           {child{absent: began, joined: true, present: true}, time.Time{}},
		"silent":          {child{absent: began, joined: true}, began.Add(time.Minute)},
		"told to end":     {child{absent: began, joined: true, present: true, ending: true, killAt: began.Add(time.Hour)}, began.Add(time.Hour)},
		"killed just now": {child{absent: began, ending: true}, time.Time{}},
	} {
		if at, _ := k.overdue(&x.child); !at.Equal(x.at) {
			t.Errorf("%s: killed after %v", name, at.Sub(began))
		}
	}
}

// TestToldAnew: after a reset, children of which nothing was said are not there any more.
func TestToldAnew(t *testing.T) {
	k := &keeper{children: make(map[string]*child)}
	log := slog.New(slog.DiscardHandler)
	for _, id := range []string{"stays", "vanishes", "starts"} {
		k.children[id] = &child{id: id, log: log}
	}
	host := func(id string) cluster.Event {
		return cluster.Event{Kind: cluster.EventHost, Host: cluster.Host{ID: id}}
	}
	for _, e := range []cluster.Event{host("stays"), host("vanishes"), {Kind: cluster.EventSynced}, {Kind: cluster.EventReset}, host("stays"), host("foreign")} {
		k.follow(e)
	}
	if !k.children["vanishes"].present {
		t.Error("a child is gone before everything was told")
	}
	k.follow(cluster.Event{Kind: cluster.EventSynced})
	for id, present := range map[string]bool{"stays": true, "vanishes": false, "starts": false} {
		if c := k.children[id]; c.present != present || c.absent.IsZero() != (id != "vanishes") {
			t.Errorf("%s: present %t, absent since %v", id, c.present, c.absent)
		}
	}
}
