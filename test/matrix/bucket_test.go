package matrix

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/symphony-rtc/symphony/test/services"
)

// badBucket is a fault of the proxy before the bucket: most requests meet one of the faults, chosen at random.
// method says which requests; "" is all.
func badBucket(what, method string, hold [2]time.Duration, faults ...services.Fault) fault {
	return fault{
		what: what,
		begin: func(w *world) func() {
			// Snapshots are read when rooms are opened, so that is what meets the fault first, half of the time.
			back := func() {}
			if method == http.MethodGet || w.r.IntN(2) == 0 {
				w.closeRooms()
				back = w.everybodyBack
			}
			w.front.Set(func(to http.ResponseWriter, r *http.Request, server http.Handler) {
				if method != "" && r.Method != method || rand.IntN(4) == 0 { // requests come on goroutines of their own: no seed could repeat them
					server.ServeHTTP(to, r)
					return
				}
				w.hits.Add(1)
				faults[rand.IntN(len(faults))](to, r, server)
			})
			back()
			return func() { w.front.Set(nil) }
		},
		hold: hold,
	}
}

// trickle passes everything on, a few bytes at a time.
func trickle(w http.ResponseWriter, r *http.Request, server http.Handler) {
	r.Body = slowReader{r.Body}
	answer := httptest.NewRecorder()
	server.ServeHTTP(answer, r)
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	for body := answer.Body.Bytes(); len(body) > 0; {
		n := min(len(body), slowStep)
		if _, err := w.Write(body[:n]); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush() // nobody is there any more if it fails
		body = body[n:]
		time.Sleep(slowPause)
	}
}

const (
	slowStep  = 512
	slowPause = 20 * time.Millisecond
)

type slowReader struct{ io.ReadCloser }

func (s slowReader) Read(p []byte) (int, error) {
	time.Sleep(slowPause)
	return s.ReadCloser.Read(p[:min(len(p), slowStep)])
}

var (
	seconds       = [2]time.Duration{200 * time.Millisecond, 3 * time.Second}
	bucketRefuses = badBucket("bucket ends connections instead of answering", "", seconds, services.Drop)
	bucketErrors  = badBucket("bucket answers 503, 500, 403", "", seconds,
		services.Answer(http.StatusServiceUnavailable, "<Error><Code>SlowDown</Code></Error>"),
		services.Answer(http.StatusInternalServerError, "<Error><Code>InternalError</Code></Error>"),
		services.Answer(http.StatusForbidden, "<Error><Code>AccessDenied</Code></Error>"))
	bucketTrickles  = badBucket("bucket takes and gives 25 kB/s", "", seconds, trickle)
	bucketTruncates = rechecked(badBucket("bucket gives bodies that are cut short, with and without a length that agrees, or damaged", http.MethodGet, seconds,
		services.Truncate, services.Shorten,
		services.Unmeasure, services.Corrupt))
	bucketLosesAnswers = badBucket("bucket stores and its answer is lost, or it gets damaged bytes", http.MethodPut, seconds,
		services.LoseAnswer, services.CorruptUpload)
	bucketHangs = badBucket("bucket never answers", "", [2]time.Duration{time.Second, 8 * time.Second}, services.Hang)
)

var patient = http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}

// rechecked is a fault after which a person has rooms looked at again: what fails its checksum three times in a row counts
// as damaged, and the room is in quarantine then until somebody says that it may be tried again. Nothing may be missing.
func rechecked(f fault) fault {
	f.after = func(w *world) {
		for _, rm := range w.rooms {
			resp, err := patient.Post("http://"+w.hosts[0].Addr+"/v1/rooms/"+url.PathEscape(rm.id)+"/repair", "application/json", nil)
			w.must(err)
			var done struct{ Rechecked bool }
			err = json.NewDecoder(resp.Body).Decode(&done)
			resp.Body.Close()
			switch {
			case resp.StatusCode == http.StatusConflict: // nothing was wrong
			case resp.StatusCode != http.StatusOK || err != nil:
				w.t.Fatalf("repairing room %q: %s, %v", rm.id, resp.Status, err)
			case !done.Rechecked:
				w.t.Errorf("room %q was found damaged, though all that is stored is whole", rm.id)
			default:
				w.quarantined++
			}
		}
	}
	return f
}
