package placement

// Totals is all hosts of a table together.
type Totals struct {
	Hosts int // all, of which ...
	// ... these can take no room, each host counted once, for the first reason in this order.
	Draining, Full, Overloaded, Failed int

	Free     int // hosts without a room that can take one
	Rooms    int // on all hosts, with those that are on their way
	Capacity int // of the hosts that are not draining
}

func (n *Totals) add(s state, by int) {
	switch s {
	case stateDraining:
		n.Draining += by
	case stateFull:
		n.Full += by
	case stateOverloaded:
		n.Overloaded += by
	case stateFailed:
		n.Failed += by
	}
}

// Totals returns what the table has now, in constant time.
func (t *Table) Totals() Totals {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget()
	return t.totals
}
