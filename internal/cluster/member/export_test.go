package member

// Linger is how long a member with Options.Once waits for another claim.
const Linger = linger

// Left reports whether Leave was called.
func (m *Member) Left() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.left
}
