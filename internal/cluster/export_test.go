package cluster

// Waiters counts the rooms that somebody waits for, and those that hosts know of.
func Waiters(v *View) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := len(v.waiters)
	for _, h := range v.hosts {
		for w := h.waiting; w != nil; w = w.next {
			n++
		}
	}
	return n
}
