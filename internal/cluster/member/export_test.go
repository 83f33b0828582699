package member

// Linger is how long a member with Options.Once waits for another claim.
const Linger = linger

// Reclaimers is how many rooms are claimed again at a time.
const Reclaimers = reclaimers

// Calling returns the end of the last call about a room; nil if there is none under way.
func (m *Member) Calling(id string) <-chan bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lines[id]
}

// Left reports whether Leave was called.
func (m *Member) Left() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.left
}
