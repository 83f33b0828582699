package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/internal/store"
)

// RunObjects is the conformance suite of store.Objects. open opens the same, at first empty, place each time.
func RunObjects(t *testing.T, open func(t *testing.T) store.Objects) {
	ctx := context.Background()
	o := open(t)
	key := store.NewSnapshotKey("room", 1, 2)
	if _, err := o.Get(ctx, key); !errors.Is(err, store.ErrNoObject) {
		t.Fatalf("Get of nothing: %v", err)
	}
	if err := o.Delete(ctx, key); err != nil {
		t.Fatalf("Delete of nothing: %v", err)
	}
	if err := o.Put(ctx, key, []byte("one"), nil, []byte(" two")); err != nil {
		t.Fatal(err)
	}
	if err := o.Put(ctx, key, []byte("other")); !errors.Is(err, store.ErrObjectExists) {
		t.Fatalf("Put over an object: %v", err)
	}
	o = open(t)
	if got, err := o.Get(ctx, key); err != nil || string(got) != "one two" {
		t.Fatalf("Get: %q, %v", got, err)
	}
	empty, large := store.NewSnapshotKey("room", 1, 3), store.NewSnapshotKey("other", 1, 2)
	body := filled(50<<20, 3)
	if err := errors.Join(o.Put(ctx, empty), o.Put(ctx, large, body)); err != nil {
		t.Fatal(err)
	}
	if got, err := o.Get(ctx, empty); err != nil || len(got) != 0 {
		t.Fatalf("Get of an empty object: %q, %v", got, err)
	}
	if got, err := o.Get(ctx, large); err != nil || !bytes.Equal(got, body) {
		t.Fatalf("Get of a large object: %d bytes, %v", len(got), err)
	}
	want := []string{key, empty, large}
	slices.Sort(want)
	if got := listObjects(t, o); !slices.Equal(got, want) {
		t.Fatalf("List: %q, want %q", got, want)
	}
	stop := errors.New("stop")
	if err := o.List(ctx, func(string) error { return stop }); !errors.Is(err, stop) {
		t.Fatalf("List that is stopped: %v", err)
	}
	for _, k := range want {
		if err := o.Delete(ctx, k); err != nil {
			t.Fatal(err)
		}
	}
	if got := listObjects(t, o); len(got) != 0 {
		t.Fatalf("List after Delete: %q", got)
	}

	// Of many Puts of one key, one wins whole.
	var wins atomic.Int32
	var winner atomic.Value
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			text := fmt.Sprint("writer ", i)
			switch err := o.Put(ctx, key, []byte(text)); {
			case err == nil:
				wins.Add(1)
				winner.Store(text)
			case !errors.Is(err, store.ErrObjectExists):
				t.Errorf("Put: %v", err)
			}
		})
	}
	wg.Wait()
	if got, err := o.Get(ctx, key); err != nil || wins.Load() != 1 || string(got) != winner.Load() {
		t.Fatalf("%d writers won; the object is %q, %v", wins.Load(), got, err)
	}

	if err := o.Delete(ctx, key); err != nil {
		t.Fatal(err)
	}
	manyObjects(t, o)

	over, cancel := context.WithCancel(ctx)
	cancel()
	if err := o.Put(over, empty, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Put with a context that is over: %v", err)
	}
	if _, err := o.Get(over, key); !errors.Is(err, context.Canceled) {
		t.Errorf("Get with a context that is over: %v", err)
	}
	if err := o.Delete(over, key); !errors.Is(err, context.Canceled) {
		t.Errorf("Delete with a context that is over: %v", err)
	}
	if clock, ok := o.(store.ObjectsWithClock); ok {
		// The servers of the tests run on this machine.
		before := time.Now()
		now, err := clock.Clock(ctx)
		if err != nil || now.Before(before.Add(-2*time.Second)) || now.After(time.Now().Add(time.Second)) {
			t.Errorf("Clock: %v at %v, %v", now, before, err)
		}
	}
}

// manyObjects puts, lists, reads and deletes so many objects at the same time that a list comes in several pages.
func manyObjects(t *testing.T, o store.Objects) {
	t.Helper()
	ctx := context.Background()
	began := time.Now()
	var wg sync.WaitGroup
	want := make([]string, 100)
	content := func(key string) []byte { return bytes.Repeat([]byte(key+"\r\n\x00--\xff"), 50) }
	for i := range want {
		want[i] = store.NewSnapshotKey(fmt.Sprint("room ", i/2), 1, uint64(i))
	}
	for part := range slices.Chunk(want, 10) {
		wg.Go(func() {
			for _, key := range part {
				if err := o.Put(ctx, key, content(key)[:100], content(key)[100:]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	slices.Sort(want)
	if got := listObjects(t, o); !slices.Equal(got, want) {
		t.Fatalf("List has %d of %d keys", len(got), len(want))
	}
	if aged, ok := o.(store.AgedObjects); ok {
		oldest := time.Since(began) + 2*time.Second // ages come in steps of a second
		err := aged.ListAged(ctx, func(key string, age time.Duration) error {
			if age < -2*time.Second || age > oldest {
				t.Errorf("object %s, stored in the last %v, has age %v", key, oldest, age)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// Deleting what was listed does not disturb the list, and nothing else is deleted.
	kept := 0
	err := o.List(ctx, func(key string) error {
		if got, err := o.Get(ctx, key); err != nil || !bytes.Equal(got, content(key)) {
			t.Errorf("Get: %d bytes, %v", len(got), err)
		}
		if i, _ := slices.BinarySearch(want, key); i%5 == 0 {
			kept++
			return nil
		}
		return o.Delete(ctx, key)
	})
	if err != nil {
		t.Fatal(err)
	}
	got := listObjects(t, o)
	if len(got) != kept || kept != len(want)/5 {
		t.Errorf("%d keys were not deleted, %d are there", kept, len(got))
	}
	for _, key := range got {
		if err := o.Delete(ctx, key); err != nil {
			t.Fatal(err)
		}
	}
}

func listObjects(t *testing.T, o store.Objects) []string {
	t.Helper()
	var keys []string
	err := o.List(context.Background(), func(key string) error {
		keys = append(keys, key)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	return keys
}
