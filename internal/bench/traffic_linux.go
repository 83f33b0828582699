package bench

import (
	"fmt"
	"time"

	"github.com/symphony-rtc/symphony/internal/bench/payload"
)

// begin makes a user a member: from now on it sends, and what the others send is expected to reach it. The server has
// answered its sync step 1, so it relays to it.
func (l *loop) begin(u *user) {
	u.state = ready
	u.room.ready++
	l.ready++
	l.joined++
	l.opening--
	u.track = make([]senderTrack, len(u.room.users))
	for seat := range u.room.users {
		for k := range u.track[seat] {
			u.track[seat][k] = newTrack(u.room.users[seat].sent[k])
		}
	}
	for k := range kinds {
		period := l.cfg.period(k)
		if period == 0 {
			continue
		}
		plan := scheduleFrom(l.now, u.index, period)
		l.wheel.arm(l.timer(u, k), plan.first)
		plan.first -= time.Duration(u.sent[k]) * period // numbers are counted from 1, also those sent before
		u.plan[k] = plan
	}
}

func (l *loop) timer(u *user, k Kind) int32 { return int32(u.index-l.first)*int32(kinds) + int32(k) }

// fire sends the message whose time has come and sets the timer for the next one.
func (l *loop) fire(timer int32, due time.Duration) {
	u, k := &l.users[timer/int32(kinds)], Kind(timer%int32(kinds))
	if u.state != ready || int64(due) >= l.ctl.sendUntil.Load() {
		return
	}
	l.wheel.arm(timer, due+u.plan[k].period)
	measured := l.ctl.measured(due)
	if measured {
		l.lag.Record(l.ctl.now() - due)
		l.tally[k].windowSent++
	}
	if k == Presence {
		l.present(u)
		return
	}
	u.sent[Document]++
	l.account(u, Document)
	l.message = payload.AppendUpdate(l.message[:0], u.client, u.sent[Document])
	if u.symphony {
		if !measured {
			due = -1
		}
		u.syncs = append(u.syncs, due)
	}
	l.send(u, opBinary, l.message)
}

// present sends a user's next presence state.
func (l *loop) present(u *user) {
	u.sent[Presence]++
	l.account(u, Presence)
	l.message = payload.AppendPresence(l.message[:0], u.client, u.sent[Presence])
	l.send(u, opBinary, l.message)
}

// account notes that a message is being sent: every other member is to get it.
func (l *loop) account(u *user, k Kind) {
	others := u.room.ready
	if u.state == ready {
		others--
	}
	l.tally[k].sent++
	l.tally[k].expected += uint64(others)
}

// receive takes one message from the server.
func (l *loop) receive(u *user, message []byte) {
	l.reader = u
	if err := payload.Decode(message, u.client, l); err != nil {
		l.errors["message from the server: "+err.Error()]++
	}
}

// StateVector implements payload.Visitor: the server asks for what it does not know.
func (l *loop) StateVector(known uint64) {
	u := l.reader
	l.message = payload.AppendStep2(l.message[:0], u.client, known, u.sent[Document])
	if u.symphony {
		u.syncs = append(u.syncs, -1)
	}
	l.send(u, opBinary, l.message)
}

// Synced implements payload.Visitor.
func (l *loop) Synced() {
	if l.reader.state == joining {
		l.begin(l.reader)
	}
}

// Struct implements payload.Visitor: all updates whose last unit lies in [clock, clock+length) have arrived.
func (l *loop) Struct(client, clock, length uint64) {
	sender := l.sender(client)
	if sender == nil {
		return
	}
	first, last := clock/payload.UpdateUnits+1, (clock+length)/payload.UpdateUnits
	if last > uint64(sender.sent[Document]) {
		l.errors["an update that its user has not sent"]++
		return
	}
	if sender == l.reader {
		l.echoes++
		return
	}
	if l.reader.state != ready {
		return // what was in the room before
	}
	t := &l.reader.track[sender.seat][Document]
	for n := max(first, uint64(t.base)+1); n <= last; n++ {
		l.arrived(sender, Document, uint32(n))
	}
}

// Presence implements payload.Visitor.
func (l *loop) Presence(client, clock uint64, gone bool) {
	if gone {
		return
	}
	sender := l.sender(client)
	if sender == nil {
		return
	}
	if clock > uint64(sender.sent[Presence]) {
		l.errors["a presence state that its user has not sent"]++
		return
	}
	if sender == l.reader {
		l.echoes++
		return
	}
	if l.reader.state == ready {
		l.arrived(sender, Presence, uint32(clock))
	}
}

// sender finds the member of the reader's room that has a client id.
func (l *loop) sender(client uint64) *user {
	i := client - l.base - uint64(l.first)
	if i >= uint64(len(l.users)) || l.users[i].room != l.reader.room {
		l.errors["a message of a user who is not in the room"]++
		return nil
	}
	return &l.users[i]
}

// arrived notes that the reader has message n of a sender.
func (l *loop) arrived(sender *user, k Kind, n uint32) {
	t := &l.tally[k]
	what, passed := l.reader.track[sender.seat][k].take(n)
	switch what {
	case ignored:
		return
	case duplicate:
		t.duplicates++
		return
	}
	t.delivered++
	t.skipped += uint64(passed) // adding -1 subtracts
	if l.ctl.measured(l.now) {
		t.windowDelivered++
	}
	from := n
	if k == Presence && l.cfg.MergedPresence && passed > 0 {
		from -= uint32(passed) // a newer state stands for those that it replaced
	}
	for ; from <= n; from++ {
		if due := sender.plan[k].due(from); l.ctl.measured(due) {
			t.latency.Record(l.now - due)
		}
	}
}

// PresenceQuery implements payload.Visitor.
func (l *loop) PresenceQuery() {
	u := l.reader
	l.present(u)
	u.plan[Presence].first -= u.plan[Presence].period // the number is taken, the next one is due when it was
}

// Denied implements payload.Visitor.
func (l *loop) Denied(reason []byte) {
	l.errors[fmt.Sprintf("permission denied: %.100s", reason)]++
}

// Hello implements payload.Visitor. Only hello shows that the server speaks symphony.v1: some WebSocket libraries (npm
// ws) choose any subprotocol that is offered.
func (l *loop) Hello() {
	if u := l.reader; !u.symphony && l.offers(u) {
		u.symphony = true
		l.symphony++
	}
}

// Durable implements payload.Visitor.
func (l *loop) Durable(n uint64) {
	u := l.reader
	if n < u.durable || n-u.durable > uint64(len(u.syncs)) {
		l.errors["durable: a number of updates that this connection has not sent"]++
		return
	}
	newly := int(n - u.durable)
	for _, due := range u.syncs[:newly] {
		if due >= 0 {
			l.counts.durable.Record(l.now - due)
		}
	}
	u.durable = n
	u.syncs = u.syncs[:copy(u.syncs, u.syncs[newly:])]
}
