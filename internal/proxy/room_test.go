package proxy

import "testing"

// The room gets another host after a proxy had found the first one and before it is connected to it. The first one does not know, or
// stands still: nobody hears it from there, and the watch has told it already.
func TestRoomIsLostWhileItsHostIsConnectedTo(t *testing.T) {
	w := newWorld(t)
	first, second := w.scripted("first").claim("r"), w.scripted("second")
	d := w.proxy(Options{}, nil)
	bystander := dialRoom(t, d.addr, "r", false)
	c := first.next()
	c.send(stepOne)
	bystander.message(stepOne)
	lost, left := make(chan struct{}), make(chan struct{})
	slow := func() {
		close(lost)
		<-left
	}
	first.slow.Store(&slow)
	s := dialRoom(t, d.addr, "r", true)
	<-lost
	if err := first.seat.Release(t.Context(), "r", "second"); err != nil {
		t.Fatal(err)
	}
	c = second.next() // the bystander is carried over
	c.send(stepOne)
	bystander.message(stepOne)
	close(left)
	c = first.next()
	c.send(helloOfThree)
	s.message(helloOfThree)
	c = second.next()
	c.send(helloOfThree, stepOne)
	s.message(stepOne)
}
