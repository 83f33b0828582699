package gcs

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/cloud"
)

// Config says where a bucket is. Credentials are Google's "application default credentials": the file that
// GOOGLE_APPLICATION_CREDENTIALS names, gcloud's, or those of the machine. With STORAGE_EMULATOR_HOST in the environment
// that address is used, without credentials.
type Config struct {
	Bucket   string
	Prefix   string        // path in the bucket, may be ""
	Endpoint string        // "http(s)://host[:port]" instead of https://storage.googleapis.com, or ""
	Stall    time.Duration // see cloud.Tune
}

// scope is the permission that tokens are asked for.
const scope = "https://www.googleapis.com/auth/devstorage.read_write"

// tokenTimeout bounds asking for a token, which happens about once an hour.
const tokenTimeout = 15 * time.Second

// Bucket is a store.Objects, store.AgedObjects and store.ObjectsWithClock.
type Bucket struct {
	at     Config
	prefix cloud.Prefix
	http   *cloud.Client
	tokens oauth2.TokenSource // nil for an emulator
	page   int                // objects in one page of a list
}

var (
	_ store.AgedObjects      = (*Bucket)(nil)
	_ store.ObjectsWithClock = (*Bucket)(nil)
)

// Open prepares the use of a bucket. It looks for credentials and sends nothing to the storage.
func Open(ctx context.Context, at Config) (*Bucket, error) {
	prefix, err := cloud.NewPrefix(at.Prefix)
	if err != nil {
		return nil, err
	}
	emulator := os.Getenv("STORAGE_EMULATOR_HOST")
	switch {
	case emulator != "" && strings.Contains(emulator, "://"):
		at.Endpoint = emulator
	case emulator != "":
		at.Endpoint = "http://" + emulator
	case at.Endpoint == "":
		at.Endpoint = "https://storage.googleapis.com"
	}
	if u, err := url.Parse(at.Endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("endpoint %q is no address: write https://host", at.Endpoint)
	}
	at.Endpoint = strings.TrimRight(at.Endpoint, "/")
	transport := new(http.Transport)
	cloud.Tune(transport, at.Stall)
	b := &Bucket{at: at, prefix: prefix, http: cloud.NewClient(transport), page: 1000}
	if emulator != "" {
		return b, nil
	}
	// Tokens are fetched later, when this ctx may be over.
	later := context.WithValue(context.WithoutCancel(ctx), oauth2.HTTPClient, &http.Client{Timeout: tokenTimeout})
	if b.tokens, err = google.DefaultTokenSource(later, scope); err != nil {
		return nil, fmt.Errorf("find Google credentials for gs://%s: %w; set GOOGLE_APPLICATION_CREDENTIALS, run "+
			"`gcloud auth application-default login`, or give this machine a service account", at.Bucket, err)
	}
	return b, nil
}

// Close ends the use of the bucket.
func (b *Bucket) Close() error { return b.http.Close() }

// object is the part of the API's Object resource that matters here.
type object struct {
	Name    string    `json:"name"`
	Size    int64     `json:"size,string"`
	CRC32C  string    `json:"crc32c,omitempty"` // base64 of four bytes, big endian
	Created time.Time `json:"timeCreated,omitzero"`
}

// Put implements store.Objects: one "multipart" request with the object's name and checksum, which the service compares,
// and its content. ifGenerationMatch=0 makes it create-only.
func (b *Bucket) Put(ctx context.Context, key string, parts ...[]byte) error {
	name, err := b.prefix.Name(key)
	if err != nil {
		return err
	}
	content, err := cloud.NewObject(parts)
	if err != nil {
		return err
	}
	sum := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, content.CRC32C()))
	about, err := json.Marshal(map[string]string{"name": name, "crc32c": sum, "contentType": "application/octet-stream"})
	if err != nil {
		return err
	}
	boundary := newBoundary()
	form := [][]byte{[]byte("--" + boundary + "\r\nContent-Type: application/json\r\n\r\n"), about,
		[]byte("\r\n--" + boundary + "\r\nContent-Type: application/octet-stream\r\n\r\n")}
	form = append(append(form, parts...), []byte("\r\n--"+boundary+"--\r\n"))
	ctx, watch := cloud.WithWatch(ctx)
	var stored object
	err = b.call(ctx, request{
		method: http.MethodPost,
		url:    b.at.Endpoint + "/upload/storage/v1/b/" + url.PathEscape(b.at.Bucket) + "/o?uploadType=multipart&ifGenerationMatch=0",
		kind:   "multipart/related; boundary=" + boundary,
		body:   form,
	}, func(resp *http.Response) error {
		return json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&stored)
	})
	switch {
	case status(err) == http.StatusPreconditionFailed:
		err = cloud.Exists(ctx, watch.Tries(), content, func(ctx context.Context) ([]byte, error) { return b.Get(ctx, key) })
	case err == nil && (stored.CRC32C != "" && stored.CRC32C != sum || stored.Size != content.Size()):
		err = fmt.Errorf("the storage has %d bytes with checksum %s instead of %d with %s", stored.Size, stored.CRC32C, content.Size(), sum)
	}
	if err != nil {
		return b.explain("put", name, err)
	}
	return nil
}

// Get implements store.Objects.
func (b *Bucket) Get(ctx context.Context, key string) ([]byte, error) {
	name, err := b.prefix.Name(key)
	if err != nil {
		return nil, err
	}
	content, err := cloud.Download(ctx, func(ctx context.Context) (cloud.Answer, error) {
		var answer cloud.Answer
		err := b.call(ctx, request{method: http.MethodGet, url: b.objectURL(name) + "?alt=media"}, func(resp *http.Response) error {
			answer = cloud.Answer{Body: resp.Body, Length: resp.ContentLength, Check: checker(resp.Header)}
			return errKeepOpen
		})
		return answer, err
	})
	if status(err) == http.StatusNotFound {
		// It may be the bucket that is missing, which must not be taken for a missing snapshot.
		if e := b.call(ctx, request{method: http.MethodGet, url: b.listURL("", 1)}, nil); e == nil {
			err = store.ErrNoObject
		} else {
			err = e
		}
	}
	if err != nil {
		return nil, b.explain("get", name, err)
	}
	return content, nil
}

// checker returns a function that compares content with the CRC-32C of X-Goog-Hash ("crc32c=BASE64,md5=BASE64"), or nil.
func checker(header http.Header) func([]byte) error {
	for _, hash := range strings.Split(strings.Join(header.Values("X-Goog-Hash"), ","), ",") {
		sum, ok := strings.CutPrefix(strings.TrimSpace(hash), "crc32c=")
		if !ok {
			continue
		}
		return func(content []byte) error {
			is := binary.BigEndian.AppendUint32(nil, cloud.CRC32C(content))
			if want, err := base64.StdEncoding.DecodeString(sum); err != nil || !bytes.Equal(want, is) {
				return errors.New("the content does not have the checksum that the storage gives")
			}
			return nil
		}
	}
	return nil
}

// List implements store.Objects.
func (b *Bucket) List(ctx context.Context, f func(key string) error) error {
	return b.ListAged(ctx, func(key string, _ time.Duration) error { return f(key) })
}

// ListAged implements store.AgedObjects.
func (b *Bucket) ListAged(ctx context.Context, f func(key string, age time.Duration) error) error {
	ctx, watch := cloud.WithWatch(ctx)
	for token := ""; ; {
		var page struct {
			Items         []object `json:"items"`
			NextPageToken string   `json:"nextPageToken"`
		}
		err := b.call(ctx, request{method: http.MethodGet, url: b.listURL(token, b.page)}, func(resp *http.Response) error {
			return json.NewDecoder(resp.Body).Decode(&page)
		})
		if err != nil {
			return b.explain("list", string(b.prefix), err)
		}
		now := watch.Date()
		for _, item := range page.Items {
			if key, ok := b.prefix.Key(item.Name); ok {
				if err := f(key, now.Sub(item.Created)); err != nil {
					return err
				}
			}
		}
		if token = page.NextPageToken; token == "" {
			return nil
		}
	}
}

// Delete implements store.Objects.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	name, err := b.prefix.Name(key)
	if err != nil {
		return err
	}
	err = b.call(ctx, request{method: http.MethodDelete, url: b.objectURL(name)}, nil)
	if err != nil && status(err) != http.StatusNotFound {
		return b.explain("delete", name, err)
	}
	return nil
}

// Clock implements store.ObjectsWithClock.
func (b *Bucket) Clock(ctx context.Context) (time.Time, error) {
	ctx, watch := cloud.WithWatch(ctx)
	err := b.call(ctx, request{method: http.MethodGet, url: b.listURL("", 1)}, nil)
	if date := watch.Date(); !date.IsZero() {
		return date, nil // an answer without success has the time, too
	}
	if err == nil {
		err = errors.New("its answer has no Date header")
	}
	return time.Time{}, b.explain("ask for the time of", "", err)
}

func (b *Bucket) objectURL(name string) string {
	return b.at.Endpoint + "/storage/v1/b/" + url.PathEscape(b.at.Bucket) + "/o/" + url.PathEscape(name)
}

func (b *Bucket) listURL(token string, limit int) string {
	query := url.Values{"fields": {"items(name,timeCreated),nextPageToken"}, "maxResults": {fmt.Sprint(limit)}}
	if b.prefix != "" {
		query.Set("prefix", string(b.prefix))
	}
	if token != "" {
		query.Set("pageToken", token)
	}
	return b.at.Endpoint + "/storage/v1/b/" + url.PathEscape(b.at.Bucket) + "/o?" + query.Encode()
}
