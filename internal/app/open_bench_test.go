package app

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/crdt"
	"github.com/symphony-rtc/symphony/internal/room"
	"github.com/symphony-rtc/symphony/test/services"
)

// BenchmarkOpenLarge opens rooms whose documents `node test/node/large-documents.mjs <directory>` made, from each kind of
// storage, on a host that does not have them in memory:
//
//	SYMPHONY_DOCUMENTS=<directory> go test ./internal/app -run '^$' -bench OpenLarge
func BenchmarkOpenLarge(b *testing.B) {
	files, err := filepath.Glob(filepath.Join(os.Getenv("SYMPHONY_DOCUMENTS"), "*.v2"))
	if err != nil || len(files) == 0 || os.Getenv("SYMPHONY_DOCUMENTS") == "" {
		b.Skip("no documents: see the comment")
	}
	for name, configure := range map[string]func(*Config){
		"embedded": func(*Config) {},
		"embedded and S3": func(c *Config) {
			bucket := services.S3(b)
			bucket.Setenv(b)
			c.Storage.Snapshots = bucket.URL
		},
		"postgres and S3": func(c *Config) {
			p, bucket := services.Postgres(b), services.S3(b)
			bucket.Setenv(b)
			c.Storage.Catalog, c.Storage.Snapshots = p.URL(p.NewDatabase(b)), bucket.URL
		},
	} {
		b.Run(name, func(b *testing.B) {
			config := Default()
			config.Data = b.TempDir()
			configure(&config)
			ctx := context.Background()
			stored, err := openStore(ctx, config, nil, slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			defer stored.close()
			for _, file := range files {
				b.Run(filepath.Base(file), func(b *testing.B) {
					id, edit := filepath.Base(file), func(*crdt.Doc, bool) ([]byte, error) { return nil, nil }
					open := func(edit func(*crdt.Doc, bool) ([]byte, error)) time.Duration {
						host := room.NewHost(stored, room.Options{MaxDocument: 1 << 30})
						began := time.Now()
						if err := host.Edit(ctx, id, edit); err != nil {
							b.Fatal(err)
						}
						took := time.Since(began)
						if err := host.Close(ctx); err != nil {
							b.Fatal(err)
						}
						return took
					}
					content, err := os.ReadFile(file)
					if err != nil {
						b.Fatal(err)
					}
					open(func(*crdt.Doc, bool) ([]byte, error) { return crdt.ConvertUpdateFormatV2ToV1(content) })
					b.SetBytes(int64(len(content)))
					var took time.Duration
					for b.Loop() {
						took += open(edit)
					}
					b.ReportMetric(float64(took.Milliseconds())/float64(b.N), "ms/open")
				})
			}
		})
	}
}
