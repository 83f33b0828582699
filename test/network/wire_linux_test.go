package network

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestWire: a machine with a wire is reached as any other, and what the wire is told to do befalls real packets. When the test ends
// nothing of it is left.
func TestWire(t *testing.T) {
	before := goleak.IgnoreCurrent()
	for name, test := range map[string]func(*testing.T, *Network){
		"nothing is done": wireAsIs, "delay": wireDelays, "loss": wireLoses, "order": wireOrders, "double": wireDoubles,
		"bandwidth": wireIsNarrow, "one peer": wireToOnePeer, "cut": wireIsCut, "stream": wireCarriesStreams,
	} {
		t.Run(name, func(t *testing.T) { test(t, New(t)) })
	}
	goleak.VerifyNone(t, before)
	devices, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range devices {
		if strings.HasPrefix(d.Name, "p") || strings.HasPrefix(d.Name, "switch") {
			t.Errorf("the device %s is left", d.Name)
		}
	}
}

// sender sends numbered datagrams from this process to a machine, where receive tells what came.
type sender struct {
	t    *testing.T
	to   *Machine
	conn *net.UDPConn
	came chan datagram
}

type datagram struct {
	number int
	at     time.Time
}

func newSender(t *testing.T, to *Machine) *sender {
	t.Helper()
	s := &sender{t: t, to: to, came: make(chan datagram, 10_000)}
	var there *net.UDPConn
	err := to.enter(func() (err error) {
		there, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(to.IP), Port: 7})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.conn, err = net.DialUDP("udp4", nil, there.LocalAddr().(*net.UDPAddr))
	if err != nil {
		there.Close()
		t.Fatal(err)
	}
	ended := make(chan bool)
	go func() {
		defer close(ended)
		buf := make([]byte, 2000)
		for {
			n, from, err := there.ReadFromUDP(buf)
			if err != nil {
				return
			}
			s.came <- datagram{int(binary.BigEndian.Uint32(buf)), time.Now()}
			_, _ = there.WriteToUDP(buf[:n], from)
		}
	}()
	t.Cleanup(func() {
		s.conn.Close()
		there.Close()
		<-ended
	})
	s.ping(0) // the machines know each other's addresses
	<-s.came
	return s
}

// send sends a datagram of so many bytes.
func (s *sender) send(number, size int) {
	s.t.Helper()
	message := make([]byte, size)
	binary.BigEndian.PutUint32(message, uint32(number))
	if _, err := s.conn.Write(message); err != nil {
		s.t.Fatal(err)
	}
}

// ping sends a datagram and waits until it is back. It returns how long that took.
func (s *sender) ping(number int) time.Duration {
	s.t.Helper()
	began := time.Now()
	s.send(number, 100)
	_ = s.conn.SetReadDeadline(began.Add(30 * time.Second))
	if _, err := s.conn.Read(make([]byte, 2000)); err != nil {
		s.t.Fatal(err)
	}
	return time.Since(began)
}

// burst sends n datagrams, a few at a time, and returns the numbers of those that came, and what befell them.
func (s *sender) burst(n, size int) (came []datagram, what Counts) {
	s.t.Helper()
	before := s.to.Wire.In()
	for i := range n {
		if i%20 == 19 {
			time.Sleep(2 * time.Millisecond) // sockets hold only so many
		}
		s.send(i+1, size)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		now := s.to.Wire.In()
		what = Counts{Sent: now.Sent - before.Sent, Lost: now.Lost - before.Lost, Refused: now.Refused - before.Refused,
			Doubled: now.Doubled - before.Doubled, Late: now.Late - before.Late, Arrived: now.Arrived - before.Arrived}
		if what.Sent == n && what.Arrived == n-what.Lost-what.Refused+what.Doubled {
			break
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("of %d packets: %+v", n, what)
		}
	}
	for range what.Arrived {
		select {
		case d := <-s.came:
			came = append(came, d)
		case <-time.After(30 * time.Second):
			s.t.Fatalf("%d datagrams came of %+v", len(came), what)
		}
	}
	return came, what
}

func numbers(came []datagram) (all []int) {
	for _, d := range came {
		all = append(all, d.number)
	}
	return all
}

func wireAsIs(t *testing.T, n *Network) {
	s := newSender(t, n.Wired("a", 1))
	came, what := s.burst(500, 100)
	if all := numbers(came); what != (Counts{Sent: 500, Arrived: 500}) || !slices.IsSorted(all) || len(slices.Compact(all)) != 500 {
		t.Errorf("%+v: %v", what, all)
	}
}

func wireDelays(t *testing.T, n *Network) {
	a := n.Wired("a", 1)
	s := newSender(t, a)
	a.Wire.Set(Conditions{Delay: 50 * time.Millisecond, Jitter: 10 * time.Millisecond})
	for i := range 10 {
		if took := s.ping(i); took < 80*time.Millisecond {
			t.Errorf("there and back took %s", took)
		}
	}
	before := a.Wire.In()
	a.Wire.Set(Conditions{Delay: 100 * time.Millisecond})
	s.send(100, 100)
	for deadline := time.Now().Add(30 * time.Second); a.Wire.In().Sent == before.Sent; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing gets into the wire")
		}
	}
	for len(s.came) > 0 {
		<-s.came // the pings
	}
	a.Wire.Set(Conditions{})
	s.send(101, 100)
	if first, second := <-s.came, <-s.came; first.number != 100 || second.number != 101 {
		t.Errorf("when the delay gets less, %d comes, then %d", first.number, second.number)
	}
}

func wireLoses(t *testing.T, n *Network) {
	var came [2][]int
	for i, name := range []string{"a", "b"} {
		m := n.Wired(name, 77)
		s := newSender(t, m)
		m.Wire.Set(Conditions{Loss: 0.2})
		arrived, what := s.burst(500, 100)
		if came[i] = numbers(arrived); what.Lost < 50 || what.Lost > 200 || len(came[i]) != 500-what.Lost {
			t.Errorf("%+v, %d came", what, len(came[i]))
		}
		m.Wire.Set(Conditions{Loss: 1})
		if arrived, what := s.burst(50, 100); len(arrived) != 0 || what.Lost != 50 {
			t.Errorf("when all is lost, %d came: %+v", len(arrived), what)
		}
		m.Wire.Set(Conditions{})
		if arrived, what := s.burst(50, 100); len(arrived) != 50 {
			t.Errorf("when nothing is lost, %d came: %+v", len(arrived), what)
		}
	}
	if !slices.Equal(came[0], came[1]) {
		t.Errorf("a seed loses different packets: %v came, then %v", came[0], came[1])
	}
}

func wireOrders(t *testing.T, n *Network) {
	a := n.Wired("a", 1)
	s := newSender(t, a)
	a.Wire.Set(Conditions{Delay: 30 * time.Millisecond, Jitter: 30 * time.Millisecond})
	if came, _ := s.burst(300, 100); !slices.IsSorted(numbers(came)) {
		t.Errorf("jitter reorders: %v", numbers(came))
	}
	a.Wire.Set(Conditions{Delay: 30 * time.Millisecond, Late: 0.1, LateBy: 200 * time.Millisecond})
	if came, what := s.burst(300, 100); what.Late < 10 || slices.IsSorted(numbers(came)) {
		t.Errorf("nothing is reordered of %+v", what)
	}
}

func wireDoubles(t *testing.T, n *Network) {
	a := n.Wired("a", 1)
	s := newSender(t, a)
	a.Wire.Set(Conditions{Double: 0.2})
	came, what := s.burst(300, 100)
	all := numbers(came)
	if different := len(slices.Compact(slices.Sorted(slices.Values(all)))); what.Doubled < 20 || different != 300 || len(all) != 300+what.Doubled {
		t.Errorf("%+v, %d different ones of %d came", what, different, len(all))
	}
}

func wireIsNarrow(t *testing.T, n *Network) {
	a := n.Wired("a", 1)
	s := newSender(t, a)
	a.Wire.Set(Conditions{Bandwidth: 10_000_000, Backlog: 50 * time.Millisecond})
	began := time.Now()
	came, what := s.burst(300, 1250-42) // with its headers 1 ms
	if took := came[len(came)-1].at.Sub(began); what.Refused == 0 || took < time.Duration(len(came)-1)*time.Millisecond {
		t.Errorf("%+v within %s", what, took)
	}
}

func wireToOnePeer(t *testing.T, n *Network) {
	a, b := n.Wired("a", 1), n.Machine("b")
	s := newSender(t, a)
	a.Wire.Set(Conditions{Loss: 1}, b)
	if came, what := s.burst(50, 100); len(came) != 50 {
		t.Errorf("what is lost between others is lost: %+v", what)
	}
	var conn net.Conn
	err := b.enter(func() (err error) {
		conn, err = net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.ParseIP(a.IP), Port: 7})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	before := a.Wire.In()
	send := func() {
		if _, err := conn.Write(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	send()
	for deadline := time.Now().Add(30 * time.Second); a.Wire.In().Lost == before.Lost; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing is lost")
		}
	}
	a.Wire.Set(Conditions{})
	send()
	<-s.came
	if now := a.Wire.In(); now.Lost != before.Lost+1 || now.Arrived != before.Arrived+1 {
		t.Errorf("before %+v, after two packets %+v", before, now)
	}
}

// wireIsCut: machines with wires are cut off from each other as any others.
func wireIsCut(t *testing.T, n *Network) {
	a, b := n.Wired("a", 1), n.Wired("b", 2)
	s := newSender(t, a)
	var conn net.Conn
	err := b.enter(func() (err error) {
		conn, err = net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.ParseIP(a.IP), Port: 7})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	reaches := func(number uint32) {
		if _, err := conn.Write(binary.BigEndian.AppendUint32(nil, number)); err != nil {
			t.Fatal(err)
		}
	}
	reaches(1)
	if got := <-s.came; got.number != 1 {
		t.Errorf("%d came", got.number)
	}
	n.Cut(b, a)
	before := b.Wire.Out()
	reaches(2)
	for deadline := time.Now().Add(30 * time.Second); b.Wire.Out().Arrived == before.Arrived; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing passes the wire")
		}
	}
	s.ping(3) // a is there
	if got := <-s.came; got.number != 3 {
		t.Errorf("%d came although the machines are cut off from each other", got.number)
	}
	n.Heal(b, a)
	reaches(4)
	if got := <-s.came; got.number != 4 {
		t.Errorf("%d came", got.number)
	}
}

// wireCarriesStreams: TCP makes up for everything that the wire does.
func wireCarriesStreams(t *testing.T, n *Network) {
	a := n.Wired("a", 5)
	var l net.Listener
	err := a.enter(func() (err error) {
		l, err = net.Listen("tcp4", net.JoinHostPort(a.IP, "80"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, c := range []Conditions{{}, {
		Delay: 5 * time.Millisecond, Jitter: 2 * time.Millisecond, Loss: 0.03, Double: 0.03, Late: 0.03, LateBy: 10 * time.Millisecond,
		Bandwidth: 50_000_000,
	}} {
		a.Wire.Set(c)
		before := a.Wire.In()
		sent := make([]byte, 400_000)
		for i := range sent {
			sent[i] = byte(rand.Uint32())
		}
		conn, err := net.Dial("tcp4", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		there, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(time.Minute)
		_ = conn.SetDeadline(deadline)
		_ = there.SetDeadline(deadline)
		ended := make(chan error, 1)
		go func() {
			defer conn.Close()
			_, err := conn.Write(sent)
			ended <- err
		}()
		got, err := io.ReadAll(there)
		there.Close()
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d bytes of %d came, %v", len(got), len(sent), err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		what := a.Wire.In()
		if faults := what.Lost > before.Lost && what.Doubled > before.Doubled && what.Late > before.Late; faults != (c.Loss > 0) {
			t.Errorf("before %+v, after a stream %+v", before, what)
		}
	}
}
