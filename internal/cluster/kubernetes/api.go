package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// requestTimeout bounds one request. An API server that does not answer for so long is tried again later.
const requestTimeout = 10 * time.Second

// api speaks to the API server in plain requests: the typed clients of client-go know every resource of Kubernetes and would
// make the program 27 MB larger instead of 5.
type api struct {
	client *http.Client
	base   *url.URL
}

// connect finds the API server: that of KUBECONFIG if it is set, else the one of the cluster that this pod runs in. The
// namespace is the one that requests are about if nobody says otherwise. No request is made.
func connect() (_ *api, namespace string, err error) {
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil)
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, "", fmt.Errorf("find the API server of Kubernetes (run this in a pod, or set KUBECONFIG): %w", err)
	}
	if namespace, _, err = loader.Namespace(); err != nil {
		return nil, "", fmt.Errorf("find the namespace in Kubernetes: %w", err)
	}
	config.Timeout = requestTimeout
	config.UserAgent = "symphony"
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, "", fmt.Errorf("connect to the API server of Kubernetes: %w", err)
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, "", fmt.Errorf("connect to the API server of Kubernetes: %w", err)
	}
	return &api{client: client, base: base}, namespace, nil
}

// refusal is an answer of the API server that is not a success. Its fields are those of Kubernetes' Status object.
type refusal struct {
	Code    int    `json:"code"` // the HTTP status
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

func (r *refusal) Error() string { return r.Message }

// refused returns the HTTP status of a refusal, 0 if err is none.
func refused(err error) int {
	if r := (*refusal)(nil); errors.As(err, &r) {
		return r.Code
	}
	return 0
}

const (
	jsonBody   = "application/json"
	mergePatch = "application/merge-patch+json" // RFC 7396
)

// do is ask for those who do not want to know what the resource is like then.
func (a *api) do(ctx context.Context, method string, path []string, contentType string, body any) error {
	return a.ask(ctx, method, path, contentType, body, nil)
}

// ask makes one request and decodes what the resource is like then into now, unless that is nil. path are the segments of the resource's
// path, which are escaped here.
func (a *api) ask(ctx context.Context, method string, path []string, contentType string, body, now any) error {
	content, err := json.Marshal(body)
	if err != nil {
		return err
	}
	target := a.base
	for _, segment := range path {
		target = target.JoinPath(url.PathEscape(segment))
	}
	request, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(content))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Accept", jsonBody)
	response, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20)) // read to its end, so that the connection is kept
	if err != nil {
		return err
	}
	if response.StatusCode/100 == 2 {
		if now == nil {
			return nil
		}
		if err := json.Unmarshal(answer, now); err != nil {
			return fmt.Errorf("read the answer of the API server: %w", err)
		}
		return nil
	}
	r := &refusal{}
	if json.Unmarshal(answer, r) != nil || r.Message == "" { // not from the API server but from something before it
		r.Message = http.StatusText(response.StatusCode)
	}
	r.Code = response.StatusCode
	return r
}
