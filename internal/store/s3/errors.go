package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/symphony-rtc/symphony/internal/store"
	"github.com/symphony-rtc/symphony/internal/store/cloud"
)

// code returns the error code of an answer, as "NoSuchKey", or "".
func code(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}

// answer returns the answer that an error is about, or nil if there was none.
func answer(err error) *http.Response {
	var failed *awshttp.ResponseError
	if errors.As(err, &failed) && failed.Response != nil && failed.Response.StatusCode != 0 {
		return failed.Response.Response
	}
	return nil
}

func status(err error) int {
	if resp := answer(err); resp != nil {
		return resp.StatusCode
	}
	return 0
}

func notImplemented(err error) bool { return status(err) == http.StatusNotImplemented }

// exists tells the answer to a create-only PUT of a key that is taken.
func exists(err error) bool { return status(err) == http.StatusPreconditionFailed }

// conflict tells the answer to one of two create-only PUTs of a key at the same time, which is to be sent again.
func conflict(err error) bool {
	return status(err) == http.StatusConflict && code(err) != "BucketAlreadyExists"
}

// missing tells that an object is not there. (A HEAD has no body that could say which, bucket or key.)
func missing(err error) bool {
	switch code(err) {
	case "NoSuchKey", "NotFound":
		return true
	}
	return false
}

// explain says what was being done with which object, and what a person can do about it.
func (b *Bucket) explain(doing, name string, watch *cloud.Watch, err error) error {
	where := fmt.Sprintf("%s s3://%s/%s", doing, b.at.Bucket, name)
	if errors.Is(err, store.ErrObjectExists) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", where, err)
	}
	if doing == "get" && missing(err) {
		return fmt.Errorf("%s: %w", where, store.ErrNoObject)
	}
	if advice := b.advice(doing, watch, err); advice != "" {
		return fmt.Errorf("%s: %w; %s", where, err, advice)
	}
	return fmt.Errorf("%s: %w", where, err)
}

// permissions are what a policy must allow, by what is done.
var permissions = map[string]string{"put": "s3:PutObject", "get": "s3:GetObject", "list": "s3:ListBucket", "delete": "s3:DeleteObject"}

func (b *Bucket) advice(doing string, watch *cloud.Watch, err error) string {
	server := b.at.Endpoint
	if server == "" {
		server = "Amazon S3 in " + b.at.Region
	}
	switch code(err) {
	case "NoSuchBucket":
		return fmt.Sprintf("there is no bucket %s at %s: make it, or correct the URL of the snapshots", b.at.Bucket, server)
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		if resp := answer(err); resp != nil && resp.Header.Get("X-Amz-Bucket-Region") != "" {
			return fmt.Sprintf("the bucket is in another region: write region=%s in its URL", resp.Header.Get("X-Amz-Bucket-Region"))
		}
		return fmt.Sprintf("is %s the bucket's region? Write region=... in its URL", b.at.Region)
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken":
		return "the server does not accept the credentials: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the profile, or the role"
	case "RequestTimeTooSkewed":
		return "the clock of this machine is wrong: let it be set by the network (NTP)"
	}
	switch resp := answer(err); {
	case resp != nil && resp.StatusCode == http.StatusForbidden:
		return fmt.Sprintf("the credentials must be allowed %s, and s3:ListBucket on the bucket", permissions[doing])
	case resp != nil && resp.StatusCode == http.StatusNotFound:
		return fmt.Sprintf("is there a bucket %s at %s?", b.at.Bucket, server)
	case resp != nil:
		return ""
	}
	if watch.Tries() == 0 {
		return "no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give this machine a role"
	}
	return fmt.Sprintf("is %s reachable from here?", server)
}
