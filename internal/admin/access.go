package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"mime"
	"net/http"
	"strings"
)

// problem is an answer that is not a success.
type problem struct {
	status  int
	code    string
	message string
}

func (p *problem) write(w http.ResponseWriter) { writeError(w, p.status, p.code, p.message) }

const tokenSetting = "the setting admin.token (environment SYMPHONY_ADMIN_TOKEN)"

// authenticate says why whoever asks gets no answer; nil if they get one.
func (a *API) authenticate(w http.ResponseWriter, r *http.Request) *problem {
	if a.o.Token == "" || hasToken(r, a.o.Token) {
		return nil
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="symphony"`)
	return &problem{http.StatusUnauthorized, "unauthorized",
		"send the value of " + tokenSetting + " of the server in the header `Authorization: Bearer ...`"}
}

// permit says why a request may change nothing; nil if it may, or only reads. Pages of other origins cannot get past it:
// browsers say who asks, and where they do not, a page cannot send a PUT, PATCH or DELETE, nor a POST with one of the content
// types that are required here, without asking first (CORS), which is never granted.
func (a *API) permit(r *http.Request) *problem {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	if a.o.ReadOnly {
		return &problem{http.StatusForbidden, "read_only", "this server can be reached by others and has no token, so it can only be " +
			"read: give it one with " + tokenSetting + ", or let it listen on 127.0.0.1"}
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" || !sameOrigin(r) {
		return &problem{http.StatusForbidden, "cross_origin", "pages of other origins may change nothing here"}
	}
	if r.Method == http.MethodPost && !notSimple(r.Header.Get("Content-Type")) {
		return &problem{http.StatusUnsupportedMediaType, "unsupported_content_type",
			"send POST requests with the header `Content-Type: application/json`, or of an import, application/x-tar or application/zstd"}
	}
	return nil
}

// Permit passes on what an API with these options would not refuse for who asks: for a proxy, whose hosts take the proxy for the one
// who asks. Whether the token is right is left to them.
func Permit(next http.Handler, o Options) http.Handler {
	access := &API{o: o}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if problem := access.permit(r); problem != nil {
			problem.write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hasToken compares in a time that says nothing about the token.
func hasToken(r *http.Request, token string) bool {
	scheme, sent, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	got, want := sha256.Sum256([]byte(strings.TrimSpace(sent))), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1 && strings.EqualFold(scheme, "Bearer")
}

// notSimple reports whether a content type is one that pages can send only to whom allows it (WHATWG Fetch,
// "CORS-safelisted request-header": all but forms and plain text).
func notSimple(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	switch kind {
	case "application/json", "application/octet-stream", "application/x-tar", "application/zstd":
		return err == nil
	}
	return false
}
