package bench

// result sums up the run.
func (r *run) result() *Result {
	c := r.counts()
	res := &Result{
		URL: r.cfg.URL, Mode: r.cfg.mode(), Users: r.cfg.Users, Rooms: r.cfg.rooms(), RoomPrefix: r.prefix,
		Connected: c.joined, Symphony: c.symphony, OpenedIn: r.openedIn.Seconds(),
		Document:    deliveryOf(&c.tally[Document], false),
		Presence:    deliveryOf(&c.tally[Presence], r.cfg.MergedPresence),
		Undur:       c.undurable,
		Disconnects: c.disconnects, Errors: c.errors,
		Interrupted: r.last.interrupted,
		Self:        Generator{Lag: latencyOf(&c.lag), Round: latencyOf(&c.busy)},
	}
	if c.symphony > 0 {
		l := latencyOf(&c.durable)
		res.Durable = &l
	}
	var sent uint64
	for k := range c.tally {
		sent += c.tally[k].sent
	}
	res.EchoShare = float64(c.echoes) / float64(max(sent, 1))
	if took := (r.last.at - r.first.at).Seconds(); took > 0 && r.first.at > 0 {
		res.Seconds = took
		r.rates(res, c)
	}
	res.judge()
	return res
}

// rates fills in what is per second of the measured time.
func (r *run) rates(res *Result, c *counts) {
	window := r.cfg.Duration.Seconds()
	if res.Interrupted {
		window = res.Seconds
	}
	var sent, delivered uint64
	for k := range c.tally {
		sent += c.tally[k].windowSent
		delivered += c.tally[k].windowDelivered
	}
	res.Offered = float64(res.Connected) * (r.cfg.DocumentRate + r.cfg.PresenceRate)
	res.Achieved = float64(sent) / window
	res.Deliveries = float64(delivered) / window
	res.Self.Cores = (r.last.self - r.first.self).Seconds() / res.Seconds
	for i := range r.last.loops {
		res.Self.Busiest = max(res.Self.Busiest, (r.last.loops[i]-r.first.loops[i]).Seconds()/res.Seconds)
	}
	if r.cfg.PID == 0 {
		return
	}
	s := &Server{
		PID:       r.cfg.PID,
		Cores:     (r.last.server.CPU - r.first.server.CPU).Seconds() / res.Seconds,
		RSSBefore: r.before.server.RSS, RSSConnected: r.first.server.RSS, RSSPeak: r.peak,
	}
	if res.Deliveries > 0 {
		s.MicrosPerDelivery = s.Cores * 1e6 / res.Deliveries
	}
	res.Self.Others = max((r.last.machine-r.first.machine).Seconds()/res.Seconds-s.Cores-res.Self.Cores, 0)
	s.PerConnection = float64(s.RSSConnected-s.RSSBefore) / float64(max(res.Connected, 1))
	res.Server = s
}
