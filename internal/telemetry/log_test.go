package telemetry

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestLoggerWritesEachFormat(t *testing.T) {
	for _, format := range []string{FormatAuto, FormatText, FormatJSON} {
		var out bytes.Buffer
		log, err := NewLogger(&out, "info", format)
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		log.Debug("hidden")
		log.Info("room opened", "room", "demo", "took", 1500*time.Millisecond)
		if text := out.String(); !strings.Contains(text, "demo") || !strings.Contains(text, "1.5s") || strings.Contains(text, "hidden") {
			t.Errorf("%s wrote %q", format, text)
		}
		if format == FormatJSON && !json.Valid(out.Bytes()) {
			t.Errorf("not JSON: %q", out.String())
		}
	}
}

func TestLoggerNamesTheChoices(t *testing.T) {
	if _, err := NewLogger(nil, "loud", FormatText); err == nil || !strings.Contains(err.Error(), "warn") {
		t.Errorf("level: %v", err)
	}
	if _, err := NewLogger(nil, "info", "xml"); err == nil || !strings.Contains(err.Error(), "json") {
		t.Errorf("format: %v", err)
	}
}
