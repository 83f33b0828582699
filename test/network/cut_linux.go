package network

// Cut keeps everything that a sends from reaching b, until Heal. Nothing ends: packets vanish on their way.
func (n *Network) Cut(a, b *Machine) { n.change(a, b, 1) }

// Heal undoes a Cut.
func (n *Network) Heal(a, b *Machine) { n.change(a, b, -1) }

// Part cuts two machines off from each other, both ways, until Join.
func (n *Network) Part(a, b *Machine) {
	n.Cut(a, b)
	n.Cut(b, a)
}

// Join undoes a Part.
func (n *Network) Join(a, b *Machine) {
	n.Heal(a, b)
	n.Heal(b, a)
}

func (n *Network) change(a, b *Machine, by int) {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	pair := [2]string{a.IP, b.IP}
	before := n.cuts[pair]
	n.cuts[pair] = before + by
	element := "{ " + a.IP + " . " + b.IP + " }"
	switch {
	case before == 0 && by > 0:
		n.must("nft", "add", "element", "bridge", n.bridge(), "cut", element)
	case before == 1 && by < 0:
		n.must("nft", "delete", "element", "bridge", n.bridge(), "cut", element)
	}
}
