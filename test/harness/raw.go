package harness

// Exchange is what a raw connection does: it sends messages, then waits until the server closes it.
type Exchange struct {
	URL      string
	Messages [][]byte
	Text     bool   // send them as text messages
	Protocol string // subprotocol to offer
	Linger   int    // do not wait longer than so many milliseconds; 0: a minute
}

// Ended is how a raw connection ended.
type Ended struct {
	Code     int      // close code; 0 if it was still open
	Reason   string   // what the server gave as reason
	Status   int      // HTTP status if there was no upgrade
	Error    string   // any other failure
	Received [][]byte // messages that came
}

// Raw has a raw connection made.
func (p *Puppet) Raw(x Exchange) Ended {
	p.t.Helper()
	if x.Messages == nil {
		x.Messages = [][]byte{}
	}
	c := Command{"do": "raw", "url": x.URL, "messages": x.Messages, "text": x.Text}
	if x.Protocol != "" {
		c["protocol"] = x.Protocol
	}
	if x.Linger != 0 {
		c["linger"] = x.Linger
	}
	var end Ended
	p.Do(c, &end)
	return end
}
