package app

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/symphony-rtc/symphony/test/services"
)

// Made by yjs 13.6.33: client 7 wrote "hello" into the text "text".
const hello = "010107000401047465787405" + "68656c6c6f" + "00"

// TestStorageByConfiguration writes into a room, stops the server, and finds it again with another one: for every kind of
// storage that can be configured.
func TestStorageByConfiguration(t *testing.T) {
	for name, configure := range map[string]func(*testing.T, *Config){
		"embedded": func(*testing.T, *Config) {},
		"embedded with a bucket": func(t *testing.T, c *Config) {
			bucket := services.S3(t)
			bucket.Setenv(t)
			c.Storage.Snapshots = bucket.URL
		},
		"postgres with a directory": func(t *testing.T, c *Config) {
			c.Storage.Catalog = database(t)
			c.Storage.Snapshots = "file://" + filepath.Join(c.Data, "elsewhere")
		},
		"postgres with the data directory": func(t *testing.T, c *Config) { c.Storage.Catalog = database(t) },
		"postgres with a bucket": func(t *testing.T, c *Config) {
			c.Storage.Catalog = database(t)
			bucket := services.S3(t)
			bucket.Setenv(t)
			c.Storage.Snapshots = bucket.URL
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := Default()
			config.Addr, config.Data = "127.0.0.1:0", t.TempDir()
			config.Admin.Token = ""
			configure(t, &config)
			for life := range 3 {
				live(t, config, life)
			}
		})
	}
}

func database(t *testing.T) string {
	p := services.Postgres(t)
	return p.URL(p.NewDatabase(t))
}

// live is one life of a server: the first writes, the others read.
func live(t *testing.T, config Config, life int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	server, err := StartServe(ctx, config, slog.New(slog.DiscardHandler), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	}()
	if life == 0 {
		update, err := hex.DecodeString(hello)
		if err != nil {
			t.Fatal(err)
		}
		if status := put(t, server, update); status != http.StatusCreated {
			t.Fatalf("creating the room was answered %d", status)
		}
	}
	api := server.Places().Rooms
	for path, want := range map[string]string{"/room/document": `{"text":"hello"}`, "/room": `"generation":1`} {
		answer, err := http.Get(api + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("life %d: GET %s answers %d, %s (%v), without %s", life, path, answer.StatusCode, body, err, want)
		}
	}
	if ready, err := http.Get(strings.TrimSuffix(api, "/v1/rooms") + "/readyz"); err != nil || ready.StatusCode != http.StatusOK {
		t.Errorf("life %d: not ready: %v, %v", life, ready, err)
	} else {
		ready.Body.Close()
	}
}

// TestRottenObject changes a byte of a snapshot behind the S3 server, which keeps its checksum: the room can only be
// read, and a repair makes do with what there is.
func TestRottenObject(t *testing.T) {
	bucket := services.S3(t)
	bucket.Setenv(t)
	config := Default()
	config.Addr, config.Data, config.Storage.Snapshots = "127.0.0.1:0", t.TempDir(), bucket.URL
	live(t, config, 0)

	rotten := 0
	err := filepath.WalkDir(bucket.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".snap") || entry.IsDir() {
			return err
		}
		object, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rotten++
		object[len(object)-1] ^= 1
		return os.WriteFile(path, object, 0o600)
	})
	if err != nil || rotten == 0 {
		t.Fatalf("%d snapshots were changed, %v", rotten, err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	server, err := StartServe(ctx, config, slog.New(slog.DiscardHandler), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	}()
	if status := put(t, server, nil); status != http.StatusInternalServerError {
		t.Fatalf("writing to the damaged room was answered %d", status)
	}
	answer, err := http.Post(server.Places().Rooms+"/room/repair", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("repair answers %d: %s (%v)", answer.StatusCode, body, err)
	}
	if status := put(t, server, nil); status != http.StatusConflict { // because there is something in it
		t.Fatalf("creating the repaired room was answered %d", status)
	}
}

// put asks for a room to be created with a content and returns the answer's status.
func put(t *testing.T, server *Server, content []byte) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.Places().Rooms+"/room", bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/octet-stream")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}
