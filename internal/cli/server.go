package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/symphony-rtc/symphony/internal/roomid"
)

const (
	serverEnv     = "SYMPHONY_SERVER"
	tokenEnv      = "SYMPHONY_ADMIN_TOKEN"
	defaultServer = "http://127.0.0.1:8080"
)

// remote is the running server that a command talks to, by its management API.
type remote struct {
	server, token string
}

// addFlags gives a command, and those below it, the flags that say which server.
func (r *remote) addFlags(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&r.server, "server", "", "URL of the server (default: the value of "+serverEnv+", or "+defaultServer+")")
	flags.StringVar(&r.token, "token", "", "the server's admin.token (default: the value of "+tokenEnv+")")
}

// base returns the server's URL without a slash at its end.
func (r *remote) base() (string, error) {
	text, from := r.server, "--server"
	if text == "" {
		text, from = os.Getenv(serverEnv), serverEnv
	}
	if text == "" {
		text = defaultServer
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", misuse("%s: %q is no URL of a server: write for example %s", from, text, defaultServer)
	}
	return strings.TrimSuffix(text, "/"), nil
}

// roomPath is where the API has a room, or something of it.
func roomPath(id string, below ...string) (string, error) {
	if err := roomid.Check(id); err != nil {
		return "", misuse("%w", err)
	}
	return strings.Join(append([]string{"/v1/rooms/" + roomid.Encode(id)}, below...), "/"), nil
}

// refusal is an answer of the server that is no success.
type refusal struct {
	code    string
	message string
}

func (e *refusal) Error() string { return e.message }

// open sends a request and returns the answer if it is a success.
func (r *remote) open(ctx context.Context, method, path, contentType string, body io.Reader) (*http.Response, error) {
	base, err := r.base()
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, base+path, body)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", base, err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	token := r.token
	if token == "" {
		token = os.Getenv(tokenEnv)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, unreachable(base, err)
	}
	if answer.StatusCode < 300 {
		return answer, nil
	}
	defer answer.Body.Close()
	return nil, refused(base, answer)
}

// client follows no redirects: a token is for one server.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func unreachable(base string, err error) error {
	var wrong *url.Error
	if errors.As(err, &wrong) {
		err = wrong.Err
	}
	var network *net.OpError
	if errors.As(err, &network) && network.Op == "dial" {
		return fmt.Errorf("no server at %s (%w): start one with `symphony dev`, or say where it is with --server or %s", base, network.Err, serverEnv)
	}
	return fmt.Errorf("ask the server at %s: %w", base, err)
}

// refused reads why the server refused.
func refused(base string, answer *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	var body struct {
		Error struct{ Code, Message string }
	}
	if err != nil || json.Unmarshal(text, &body) != nil || body.Error.Message == "" {
		return fmt.Errorf("%s answered %s: is that a Symphony server?", base, answer.Status)
	}
	if answer.StatusCode == http.StatusUnauthorized {
		return fmt.Errorf("the server wants its token: give it with --token or %s", tokenEnv)
	}
	e := &refusal{body.Error.Code, printable(body.Error.Message)}
	if e.code == "rooms_exist" || e.code == "import_incomplete" {
		e.message = strings.NewReplacer("existing=", "--").Replace(e.message)
	}
	if what := remedies[e.code]; what != "" {
		is, _, _ := strings.Cut(e.message, ": ")
		e.message = is + ": " + what
	}
	return e
}

// remedies are what to do about refusals, by their code, in the words of the command line. What is wrong is before the first
// colon of the API's message.
var remedies = map[string]string{
	"room_exists":       "choose another id, or remove that room with `symphony rooms erase`",
	"room_deleted":      "bring it back with `symphony rooms undelete`",
	"room_corrupt":      "the server's log says which file or row; restore that from a backup, or use `symphony rooms repair`",
	"other_generation":  "use --as replacement",
	"room_not_found":    "`symphony rooms list` shows those that there are",
	"version_not_found": "`symphony rooms versions` lists those that there are. A room that nobody wrote to has none",
}

// call sends a value as JSON, nothing if it is nil, and returns the answer's body.
func (r *remote) call(ctx context.Context, method, path string, value any) ([]byte, error) {
	var body io.Reader
	if value != nil {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	answer, err := r.open(ctx, method, path, "application/json", body)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("read the server's answer: %w", err)
	}
	return text, nil
}

// ask is call with the answer's JSON read into a value.
func (r *remote) ask(ctx context.Context, method, path string, value, into any) ([]byte, error) {
	text, err := r.call(ctx, method, path, value)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return nil, fmt.Errorf("the server's answer makes no sense: %w", err)
	}
	return text, nil
}

// interruptible is a command's context, ended by Ctrl+C and SIGTERM.
func interruptible(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
}
