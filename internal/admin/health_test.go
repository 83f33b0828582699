package admin

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadinessNamesItsReasons(t *testing.T) {
	h := NewHealth()
	var trouble error
	h.Check("storage", func() error { return trouble })
	ask := func() (int, readiness) {
		answer := httptest.NewRecorder()
		h.ServeReady(answer, nil)
		var body readiness
		if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		return answer.Code, body
	}
	if code, body := ask(); code != 200 || body.Status != "ready" || len(body.Reasons) != 0 {
		t.Errorf("at first: %d %+v", code, body)
	}
	trouble = errors.New("disk full")
	code, body := ask()
	if diff := cmp.Diff(readiness{"unready", []reason{{"storage", "disk full"}}}, body); diff != "" || code != 503 {
		t.Errorf("in trouble: %d %s", code, diff)
	}
	trouble = nil
	h.Drain()
	if code, body := ask(); code != 503 || len(body.Reasons) != 1 || body.Reasons[0].Check != "draining" {
		t.Errorf("draining: %d %+v", code, body)
	}
	answer := httptest.NewRecorder()
	h.ServeAlive(answer, nil)
	if answer.Code != 200 {
		t.Errorf("alive: %d", answer.Code)
	}
}
