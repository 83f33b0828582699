package s3

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/cloud"
)

// Config says where a bucket is. Credentials come from where AWS's own programs look for them: environment, files of
// profiles, web identity, the role of the container or machine.
type Config struct {
	Bucket    string
	Prefix    string        // path in the bucket, may be ""
	Region    string        // "" takes it from the environment or the profile; us-east-1 with an Endpoint
	Endpoint  string        // "http(s)://host[:port]" of another server than Amazon's, or ""
	PathStyle bool          // the bucket is part of the path, not of the host name
	Stall     time.Duration // see cloud.Tune
}

// attempts is how often a request is sent at most, if the server's answers or the network allow another attempt.
const attempts = 4

// Bucket is a store.Objects, store.AgedObjects and store.ObjectsWithClock.
type Bucket struct {
	at     Config
	prefix cloud.Prefix
	http   *cloud.Client
	s3     *s3.Client
	lacks  atomic.Int32 // what the server was found not to have
	page   int32        // objects in one page of a list
}

// What a server may lack, in the order in which it is left out.
const (
	lacksNothing  = iota
	lacksChecksum // the CRC-32C header
	lacksIfAbsent // If-None-Match as well
)

var (
	_ store.AgedObjects      = (*Bucket)(nil)
	_ store.ObjectsWithClock = (*Bucket)(nil)
)

// Open prepares the use of a bucket. It reads the configuration of credentials and sends nothing to the server.
func Open(ctx context.Context, at Config) (*Bucket, error) {
	prefix, err := cloud.NewPrefix(at.Prefix)
	if err != nil {
		return nil, err
	}
	if at.Endpoint != "" {
		if u, err := url.Parse(at.Endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("endpoint %q is no address: write http://host:port or https://host", at.Endpoint)
		}
	}
	buildable := awshttp.NewBuildableClient() // which adds the certificates of AWS_CA_BUNDLE
	options := []func(*config.LoadOptions) error{config.WithHTTPClient(buildable), config.WithLogger(logging.Nop{})}
	if at.Region != "" {
		options = append(options, config.WithRegion(at.Region))
	}
	loaded, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("read the configuration of AWS credentials: %w", err)
	}
	if loaded.Region == "" && at.Endpoint != "" {
		loaded.Region = "us-east-1" // servers that have no regions take this one
	}
	if loaded.Region == "" {
		return nil, fmt.Errorf("the region of bucket %s is not known: add ?region=... to its URL or set AWS_REGION", at.Bucket)
	}
	at.Region = loaded.Region
	if b, ok := loaded.HTTPClient.(*awshttp.BuildableClient); ok {
		buildable = b
	}
	transport := buildable.GetTransport()
	cloud.Tune(transport, at.Stall)
	b := &Bucket{at: at, prefix: prefix, http: cloud.NewClient(transport), page: 1000}
	b.s3 = s3.NewFromConfig(loaded, func(o *s3.Options) {
		o.HTTPClient = b.http
		o.UsePathStyle = at.PathStyle
		if at.Endpoint != "" {
			o.BaseEndpoint = aws.String(at.Endpoint)
		}
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = attempts
			o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
				return cloud.Delay(attempt), nil
			})
		})
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired // Put gives its own
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenSupported
		o.DisableLogOutputChecksumValidationSkipped = true
	})
	return b, nil
}

// Close ends the use of the bucket.
func (b *Bucket) Close() error { return b.http.Close() }

// Put implements store.Objects. On a server without If-None-Match it looks whether the key is there before it writes,
// which is enough for keys that nobody else makes.
func (b *Bucket) Put(ctx context.Context, key string, parts ...[]byte) error {
	name, err := b.prefix.Name(key)
	if err != nil {
		return err
	}
	body, err := cloud.NewObject(parts)
	if err != nil {
		return err
	}
	ctx, watch := cloud.WithWatch(ctx)
	for attempt := 1; ; attempt++ {
		lacks := b.lacks.Load()
		err = b.put(ctx, name, body, lacks)
		if lacks < lacksIfAbsent && notImplemented(err) {
			b.lacks.CompareAndSwap(lacks, lacks+1)
			continue
		}
		if attempt >= attempts || !conflict(err) {
			break
		}
		if err := cloud.Pause(ctx, attempt); err != nil {
			return b.explain("put", name, watch, err)
		}
	}
	if errors.Is(err, store.ErrObjectExists) || exists(err) {
		err = cloud.Exists(ctx, watch.Tries(), body, func(ctx context.Context) ([]byte, error) { return b.Get(ctx, key) })
	}
	if err != nil {
		return b.explain("put", name, watch, err)
	}
	return nil
}

func (b *Bucket) put(ctx context.Context, name string, body *cloud.Body, lacks int32) error {
	if _, err := body.Seek(0, 0); err != nil {
		return err
	}
	in := &s3.PutObjectInput{
		Bucket: &b.at.Bucket, Key: &name, Body: body, ContentLength: aws.Int64(body.Size()),
		ContentType: aws.String("application/octet-stream"),
	}
	if lacks < lacksChecksum {
		sum := binary.BigEndian.AppendUint32(nil, body.CRC32C())
		in.ChecksumCRC32C = aws.String(base64.StdEncoding.EncodeToString(sum))
	}
	if lacks < lacksIfAbsent {
		in.IfNoneMatch = aws.String("*")
	} else {
		_, err := b.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.at.Bucket, Key: &name})
		if err == nil {
			return store.ErrObjectExists
		}
		if !missing(err) {
			return err
		}
	}
	_, err := b.s3.PutObject(ctx, in, s3.WithAPIOptions(signContent))
	return err
}

// signContent has the SHA-256 of the content signed over TLS, too, where the library leaves it out.
func signContent(stack *middleware.Stack) error {
	if err := v4.RemoveComputePayloadSHA256Middleware(stack); err != nil {
		return err
	}
	return v4.AddComputePayloadSHA256Middleware(stack)
}

// Get implements store.Objects. The client library compares the checksum that the server has stored.
func (b *Bucket) Get(ctx context.Context, key string) ([]byte, error) {
	name, err := b.prefix.Name(key)
	if err != nil {
		return nil, err
	}
	ctx, watch := cloud.WithWatch(ctx)
	object, err := cloud.Download(ctx, func(ctx context.Context) (cloud.Answer, error) {
		out, err := b.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.at.Bucket, Key: &name, ChecksumMode: types.ChecksumModeEnabled})
		if err != nil {
			return cloud.Answer{}, err
		}
		length := int64(-1)
		if out.ContentLength != nil {
			length = *out.ContentLength
		}
		return cloud.Answer{Body: out.Body, Length: length}, nil
	})
	if err != nil {
		return nil, b.explain("get", name, watch, err)
	}
	return object, nil
}

// List implements store.Objects.
func (b *Bucket) List(ctx context.Context, f func(key string) error) error {
	return b.ListAged(ctx, func(key string, _ time.Duration) error { return f(key) })
}

// ListAged implements store.AgedObjects.
func (b *Bucket) ListAged(ctx context.Context, f func(key string, age time.Duration) error) error {
	ctx, watch := cloud.WithWatch(ctx)
	pages := s3.NewListObjectsV2Paginator(b.s3, &s3.ListObjectsV2Input{
		Bucket: &b.at.Bucket, Prefix: aws.String(string(b.prefix)), MaxKeys: &b.page,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return b.explain("list", string(b.prefix), watch, err)
		}
		now := watch.Date()
		for _, object := range page.Contents {
			key, ok := b.prefix.Key(aws.ToString(object.Key))
			if !ok {
				continue
			}
			if err := f(key, now.Sub(aws.ToTime(object.LastModified))); err != nil {
				return err
			}
		}
	}
	return nil
}

// Delete implements store.Objects.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	name, err := b.prefix.Name(key)
	if err != nil {
		return err
	}
	ctx, watch := cloud.WithWatch(ctx)
	_, err = b.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.at.Bucket, Key: &name})
	if err != nil && !missing(err) {
		return b.explain("delete", name, watch, err)
	}
	return nil
}

// Clock implements store.ObjectsWithClock.
func (b *Bucket) Clock(ctx context.Context) (time.Time, error) {
	ctx, watch := cloud.WithWatch(ctx)
	_, err := b.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.at.Bucket})
	date := watch.Date()
	if !date.IsZero() {
		return date, nil // an answer without success has the time, too
	}
	if err == nil {
		err = errors.New("its answer has no Date header")
	}
	return time.Time{}, b.explain("ask for the time of", "", watch, err)
}
