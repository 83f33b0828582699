package faults

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/symphony-rtc/symphony/test/harness"
)

// nonsense is messages that no correct client sends, each wrong in a way of its own.
var nonsense = map[string][]byte{
	"no bytes":                        {},
	"unknown type":                    {77},
	"symphony.v1 type unasked":        {101, 1},
	"type without end":                {0xff, 0xff},
	"type over 2^53":                  {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
	"sync without step":               {0},
	"unknown step":                    {0, 9, 1, 0},
	"step 1 without vector":           {0, 0},
	"step 1, vector cut off":          {0, 0, 5, 1},
	"step 1, vector malformed":        {0, 0, 2, 200, 1},
	"step 2 cut off":                  {0, 1, 100, 1, 1},
	"step 2, update malformed":        {0, 1, 4, 1, 1, 1, 1},
	"update without bytes":            {0, 2, 0},
	"update malformed":                {0, 2, 3, 0xff, 0xff, 0xff},
	"update claims 2^40 clients":      {0, 2, 8, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0, 0},
	"update claims 2^50 structs":      append([]byte{0, 2, 13, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2}, 1, 0, 0, 0),
	"update with unknown content":     {0, 2, 8, 1, 1, 1, 0, 31, 1, 0, 0},
	"update with bytes of its length": append([]byte{0, 2, 0xff, 0xff, 0xff, 0xff, 0x0f}, 1),
	"awareness without body":          {1},
	"awareness cut off":               {1, 20, 1, 1},
	"awareness, no JSON":              {1, 5, 1, 1, 1, 1, '{'},
	"awareness, invalid UTF-8":        {1, 7, 1, 1, 1, 3, '"', 0xff, '"'},
	"awareness claims 2^40 entries":   {1, 6, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20},
}

// Whatever a client sends, only its own connection is closed, with 4400 and a reason; others notice nothing.
func TestNonsenseClosesOnlyItsSender(t *testing.T) {
	s := harness.StartServer(t, "--limits-message=1MiB")
	p := harness.StartPuppet(t)
	a := p.Join(s, harness.Plain, "a", "calm")
	b := p.Join(s, harness.Symphony, "b", "calm")
	for i, c := range []*harness.Client{a, b} {
		c.Do("write", args{"seed": i, "pause": 5}, nil)
	}
	url := s.WebSocketURL() + "/calm"
	for what, message := range nonsense {
		end := p.Raw(harness.Exchange{URL: url, Messages: [][]byte{message}})
		if end.Code != 4400 || end.Reason == "" {
			t.Errorf("%s: closed with %d %q instead of 4400 and a reason", what, end.Code, end.Reason)
		}
	}
	if end := p.Raw(harness.Exchange{URL: url, Text: true, Messages: [][]byte{[]byte("hello")}}); end.Code != 4400 {
		t.Errorf("a text message: closed with %d %q", end.Code, end.Reason)
	}
	if end := p.Raw(harness.Exchange{URL: url, Messages: [][]byte{bytes.Repeat([]byte{0}, 1<<20+1)}}); end.Code != 4413 {
		t.Errorf("a message over the limit: closed with %d %q", end.Code, end.Reason)
	}
	calm(t, s, a, b)
}

// Random injuries to real messages: some mean something else then, and are fine; any other is refused with a reason.
func TestRandomNonsense(t *testing.T) {
	s := harness.StartServer(t)
	p := harness.StartPuppet(t)
	a := p.Join(s, harness.Plain, "a", "calm")
	b := p.Join(s, harness.Symphony, "b", "calm")
	a.Do("edit", args{"seed": 1, "edits": 50}, nil)
	update := harness.Converged(t, s, "calm", a, b).State
	seeds := [][]byte{
		sync2(2, update[:min(len(update), 400)]), sync2(1, update), sync2(0, a.State().Vector),
		{1, 13, 1, 5, 1, 9, '{', '"', 'a', '"', ':', '1', '2', '3', '}'}, {3},
	}
	const seed, tries = 1, 120
	r := rand.New(rand.NewPCG(seed, 0))
	var wait sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i := range tries {
		message := injure(r, seeds[r.IntN(len(seeds))])
		wait.Add(1)
		slots <- struct{}{}
		go func() {
			defer wait.Done()
			defer func() { <-slots }()
			var end harness.Ended
			// A room of its own: an injured update may be a valid one that says something else.
			err := p.Try(args{"do": "raw", "url": s.WebSocketURL() + "/injured", "messages": [][]byte{message}, "linger": 300}, &end)
			refused := (end.Code == 4400 || end.Code == 4413) && end.Reason != "" // 4413: a clock beyond what a document takes
			if err != nil || end.Code != 0 && !refused {
				t.Errorf("try %d, message %x: %+v, %v", i, message, end, err)
			}
		}()
	}
	wait.Wait()
	calm(t, s, a, b)
}

// calm checks that two members were never disturbed.
func calm(t *testing.T, s *harness.Server, clients ...*harness.Client) {
	t.Helper()
	for _, c := range clients {
		c.Do("rest", nil, nil)
	}
	harness.Converged(t, s, "calm", clients...)
	for _, c := range clients {
		if st := c.Status(); !st.Connected || len(st.Closes) != 0 {
			t.Errorf("%s was disturbed: %+v", c.Name, st)
		}
	}
}

// sync2 frames a sync message.
func sync2(step byte, body []byte) []byte {
	m := []byte{0, step}
	for n := len(body); ; n >>= 7 {
		if n < 128 {
			m = append(m, byte(n))
			break
		}
		m = append(m, byte(n)|128)
	}
	return append(m, body...)
}

func injure(r *rand.Rand, message []byte) []byte {
	m := bytes.Clone(message)
	for range 1 + r.IntN(3) {
		if len(m) == 0 {
			break
		}
		at := r.IntN(len(m))
		switch r.IntN(4) {
		case 0:
			m = m[:at]
		case 1:
			m[at] = byte(r.Uint32())
		case 2:
			m[at] ^= 1 << r.IntN(8)
		default:
			m = append(m[:at:at], m[min(at+1+r.IntN(4), len(m)):]...)
		}
	}
	return m
}
