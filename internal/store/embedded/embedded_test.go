package embedded

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	defer goleak.VerifyNone(t)
	storetest.Run(t, func(t testing.TB, place string, o store.Options) storetest.Store {
		s, err := Open(place, Options{Store: o})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func openDir(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
