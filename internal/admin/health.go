package admin

import (
	"net/http"
	"sync"
	"sync/atomic"
)

// Health answers whether the process lives and whether it can take work. It is safe for concurrent use.
type Health struct {
	draining atomic.Bool

	mu     sync.Mutex
	checks []check
}

type check struct {
	name string
	run  func() error
}

// NewHealth returns a Health without checks.
func NewHealth() *Health { return new(Health) }

// Check adds a condition of readiness: run returns why work cannot be taken now, or nil. It must return soon.
func (h *Health) Check(name string, run func() error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks = append(h.checks, check{name, run})
}

// Drain makes the server unready for the rest of its life: it is shutting down.
func (h *Health) Drain() { h.draining.Store(true) }

// readiness is the body of /readyz.
type readiness struct {
	Status  string   `json:"status"` // ready or unready
	Reasons []reason `json:"reasons"`
}

type reason struct {
	Check   string `json:"check"`
	Message string `json:"message"`
}

func (h *Health) readiness() readiness {
	answer := readiness{Status: "ready", Reasons: []reason{}}
	if h.draining.Load() {
		answer.Reasons = append(answer.Reasons, reason{"draining", "the server is shutting down: connect again in a moment"})
	}
	h.mu.Lock()
	checks := h.checks
	h.mu.Unlock()
	for _, c := range checks {
		if err := c.run(); err != nil {
			answer.Reasons = append(answer.Reasons, reason{c.name, err.Error()})
		}
	}
	if len(answer.Reasons) > 0 {
		answer.Status = "unready"
	}
	return answer
}

// ServeAlive answers 200 as long as the process can answer at all (/healthz).
func (h *Health) ServeAlive(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "alive"})
}

// ServeReady answers 200 if the server can take work, and 503 with the reasons if it cannot (/readyz).
func (h *Health) ServeReady(w http.ResponseWriter, _ *http.Request) {
	answer := h.readiness()
	status := http.StatusOK
	if len(answer.Reasons) > 0 {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, answer)
}
