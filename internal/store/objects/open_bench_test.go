package objects

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/test/services"
)

// BenchmarkPlaces puts and gets objects of 2 MB, which is what a document of 5 MB becomes.
func BenchmarkPlaces(b *testing.B) {
	content := make([]byte, 2<<20)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	for name, start := range map[string]func(testing.TB) *services.Bucket{"s3": services.S3, "gs": services.GCS, "azblob": services.Azure} {
		server := start(b)
		server.Setenv(b)
		benchmark(b, name, server.URL, content)
	}
	benchmark(b, "file", "file://"+b.TempDir(), content)
}

func benchmark(b *testing.B, name, where string, content []byte) {
	place, err := Open(context.Background(), where, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer place.Close()
	var keys []string
	b.Run(name+"/put", func(b *testing.B) {
		for b.Loop() {
			key := store.NewSnapshotKey("room", 1, uint64(len(keys)))
			if err := place.Put(context.Background(), key, content); err != nil {
				b.Fatal(err)
			}
			keys = append(keys, key)
		}
	})
	b.Run(name+"/get", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := place.Get(context.Background(), keys[i%len(keys)]); err != nil {
				b.Fatal(err)
			}
		}
	})
}
