package azblob

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/cloud"
)

// Config says where a container is. For credentials see credentials.go.
type Config struct {
	Container string
	Prefix    string        // path in the container, may be ""
	Account   string        // storage account; "" takes AZURE_STORAGE_ACCOUNT or that of the connection string
	Endpoint  string        // address of the account's blob service instead of https://ACCOUNT.blob.core.windows.net, or ""
	Stall     time.Duration // see cloud.Tune
}

// retries is how often a request is sent again at most.
const retries = 3

// Container is a store.Objects, store.AgedObjects and store.ObjectsWithClock.
type Container struct {
	at     Config
	prefix cloud.Prefix
	http   *cloud.Client
	azure  *container.Client
	page   int32 // objects in one page of a list
}

var (
	_ store.AgedObjects      = (*Container)(nil)
	_ store.ObjectsWithClock = (*Container)(nil)
)

// Open prepares the use of a container. It looks for credentials and sends nothing to the storage.
func Open(at Config) (*Container, error) {
	prefix, err := cloud.NewPrefix(at.Prefix)
	if err != nil {
		return nil, err
	}
	if at.Endpoint != "" {
		if u, err := url.Parse(at.Endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("endpoint %q is no address: write https://host or http://host:port/account", at.Endpoint)
		}
	}
	transport := new(http.Transport)
	cloud.Tune(transport, at.Stall)
	c := &Container{at: at, prefix: prefix, http: cloud.NewClient(transport), page: 5000}
	options := &container.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: c.http,
		Retry:     policy.RetryOptions{MaxRetries: retries, RetryDelay: 100 * time.Millisecond, MaxRetryDelay: 5 * time.Second},
		Telemetry: policy.TelemetryOptions{ApplicationID: "symphony"},
	}}
	if c.azure, err = connect(&c.at, options); err != nil {
		return nil, fmt.Errorf("azblob://%s: %w", at.Container, err)
	}
	return c, nil
}

// Close ends the use of the container.
func (c *Container) Close() error { return c.http.Close() }

// Put implements store.Objects: one Put Blob with If-None-Match and an MD5, which the service compares, stores and gives
// back with downloads.
func (c *Container) Put(ctx context.Context, key string, parts ...[]byte) error {
	name, err := c.prefix.Name(key)
	if err != nil {
		return err
	}
	body, err := cloud.NewObject(parts)
	if err != nil {
		return err
	}
	sum := body.MD5()
	ctx, watch := cloud.WithWatch(ctx)
	_, err = c.azure.NewBlockBlobClient(name).Upload(ctx, body, &blockblob.UploadOptions{
		TransactionalValidation: blob.TransferValidationTypeMD5(sum),
		HTTPHeaders:             &blob.HTTPHeaders{BlobContentMD5: sum, BlobContentType: to.Ptr("application/octet-stream")},
		AccessConditions: &blob.AccessConditions{
			ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfNoneMatch: to.Ptr(azcore.ETagAny)},
		},
	})
	if exists(err) {
		err = cloud.Exists(ctx, watch.Tries(), body, func(ctx context.Context) ([]byte, error) { return c.Get(ctx, key) })
	}
	if err != nil {
		return c.explain("put", name, watch, err)
	}
	return nil
}

// Get implements store.Objects.
func (c *Container) Get(ctx context.Context, key string) ([]byte, error) {
	name, err := c.prefix.Name(key)
	if err != nil {
		return nil, err
	}
	ctx, watch := cloud.WithWatch(ctx)
	object, err := cloud.Download(ctx, func(ctx context.Context) (cloud.Answer, error) {
		resp, err := c.azure.NewBlobClient(name).DownloadStream(ctx, nil)
		if err != nil {
			return cloud.Answer{}, err
		}
		answer := cloud.Answer{Body: resp.Body, Length: -1}
		if resp.ContentLength != nil {
			answer.Length = *resp.ContentLength
		}
		if len(resp.ContentMD5) > 0 {
			answer.Check = func(object []byte) error {
				if sum := md5.Sum(object); !bytes.Equal(sum[:], resp.ContentMD5) {
					return errors.New("the content does not have the MD5 that the storage gives")
				}
				return nil
			}
		}
		return answer, nil
	})
	if err != nil {
		return nil, c.explain("get", name, watch, err)
	}
	return object, nil
}

// List implements store.Objects.
func (c *Container) List(ctx context.Context, f func(key string) error) error {
	return c.ListAged(ctx, func(key string, _ time.Duration) error { return f(key) })
}

// ListAged implements store.AgedObjects.
func (c *Container) ListAged(ctx context.Context, f func(key string, age time.Duration) error) error {
	ctx, watch := cloud.WithWatch(ctx)
	pages := c.azure.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{Prefix: to.Ptr(string(c.prefix)), MaxResults: &c.page})
	for pages.More() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return c.explain("list", string(c.prefix), watch, err)
		}
		if page.Segment == nil {
			continue
		}
		now := watch.Date()
		for _, item := range page.Segment.BlobItems {
			if item.Name == nil || item.Properties == nil || item.Properties.LastModified == nil {
				continue
			}
			if key, ok := c.prefix.Key(*item.Name); ok {
				if err := f(key, now.Sub(*item.Properties.LastModified)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Delete implements store.Objects.
func (c *Container) Delete(ctx context.Context, key string) error {
	name, err := c.prefix.Name(key)
	if err != nil {
		return err
	}
	ctx, watch := cloud.WithWatch(ctx)
	if _, err := c.azure.NewBlobClient(name).Delete(ctx, nil); err != nil && !missing(err) {
		return c.explain("delete", name, watch, err)
	}
	return nil
}

// Clock implements store.ObjectsWithClock.
func (c *Container) Clock(ctx context.Context) (time.Time, error) {
	ctx, watch := cloud.WithWatch(ctx)
	_, err := c.azure.GetProperties(ctx, nil)
	if date := watch.Date(); !date.IsZero() {
		return date, nil // an answer without success has the time, too
	}
	if err == nil {
		err = errors.New("its answer has no Date header")
	}
	return time.Time{}, c.explain("ask for the time of", "", watch, err)
}
