package harness

// Promises are the updates of a room that symphony and npm clients were told are durable.
type Promises struct {
	merged []byte // nil before the first
}

// Collect asks a client what it was promised since the last call, and returns how many updates that are.
func (p *Promises) Collect(c *Client) int {
	c.t.Helper()
	var told struct {
		Updates int
		Merged  []byte
	}
	c.Do("acknowledged", nil, &told)
	switch {
	case told.Updates == 0:
	case p.merged == nil:
		p.merged = told.Merged
	default:
		var merged []byte
		c.Puppet.Do(Command{"do": "merge", "updates": [][]byte{p.merged, told.Merged}}, &merged)
		p.merged = merged
	}
	return told.Updates
}

// Any reports whether anything was promised.
func (p *Promises) Any() bool { return p.merged != nil }

// Kept reports whether a document has everything that was promised.
func (p *Promises) Kept(by *Puppet, document []byte) bool {
	by.t.Helper()
	return p.merged == nil || by.Contains(document, p.merged)
}
