package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"

	"github.com/symphony-rtc/symphony/internal/bench"
)

var (
	benchTitle = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("99"))
	benchLabel = lipgloss.NewStyle().Faint(true)
	benchGood  = lipgloss.NewStyle().Foreground(lipgloss.Color("35"))
	benchBad   = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("203"))
)

// printResult shows a run's result to people: in colour on a terminal, plain elsewhere.
func printResult(w io.Writer, r *bench.Result) {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s  %s\n", benchTitle.Render("Benchmark: "+r.Mode), r.URL)
	row := func(label, format string, args ...any) {
		fmt.Fprintf(&b, "%s %s\n", benchLabel.Width(12).Render(label), fmt.Sprintf(format, args...))
	}
	row("users", "%d of %d connected in %.1f s, %d rooms, %d speak symphony.v1", r.Connected, r.Users, r.OpenedIn, r.Rooms, r.Symphony)
	row("load", "%.0f of %.0f messages/s, %.0f deliveries/s over %.1f s, echoes %.2f per message", r.Achieved, r.Offered, r.Deliveries, r.Seconds, r.EchoShare)
	if r.Offered > 0 {
		b.WriteString(deliveryTable(r) + "\n")
	}
	if s := r.Server; s != nil {
		row("server", "%.2f cores, %.1f us per delivery; memory %s at start, %s connected, %s peak, %s",
			s.Cores, s.MicrosPerDelivery, megabytes(s.RSSBefore), megabytes(s.RSSConnected), megabytes(s.RSSPeak), perConnection(s))
	}
	others := ""
	if r.Server != nil {
		others = fmt.Sprintf("; other processes %.2f cores", r.Self.Others)
	}
	row("generator", "%.2f cores, its loop %.2f; sent late by p99 %s, rounds of p99 %s%s", r.Self.Cores, r.Self.Busiest,
		shortMillis(r.Self.Lag.P99), shortMillis(r.Self.Round.P99), others)
	listCounts(&b, "disconnects", r.Disconnects)
	listCounts(&b, "errors", r.Errors)
	if r.Undur > 0 {
		row("durable", "%s", benchBad.Render(fmt.Sprintf("%d updates were never told to be durable", r.Undur)))
	}
	verdict(&b, r.Doubts)
	_, _ = lipgloss.Fprint(w, b.String()) // a reader that closed the pipe wants no more
}

func deliveryTable(r *bench.Result) string {
	t := table.New().Border(lipgloss.NormalBorder()).BorderStyle(benchLabel).
		Headers("", "sent", "delivered", "lost", "superseded", "duplicates", "p50", "p90", "p99", "p99.9", "max")
	add := func(name string, d bench.Delivery) {
		t.Row(append([]string{name, count(d.Sent), count(d.Delivered), count(d.Lost), count(d.Superseded), count(d.Duplicates)},
			percentiles(d.Latency)...)...)
	}
	add("document", r.Document)
	add("presence", r.Presence)
	if r.Durable != nil {
		t.Row(append([]string{"durable", "", count(r.Durable.Count), "", "", ""}, percentiles(*r.Durable)...)...)
	}
	return t.StyleFunc(func(_, col int) lipgloss.Style {
		style := lipgloss.NewStyle().Padding(0, 1)
		if col > 0 {
			style = style.Align(lipgloss.Right)
		}
		return style
	}).String()
}

func percentiles(l bench.Latency) []string {
	return []string{shortMillis(l.P50), shortMillis(l.P90), shortMillis(l.P99), shortMillis(l.P999), shortMillis(l.Max)}
}

// perConnection is the memory per connection, if the server was fresh: one that has memory left from before needs no more.
func perConnection(s *bench.Server) string {
	if s.PerConnection <= 0 {
		return "memory per connection unknown (start the server anew)"
	}
	return fmt.Sprintf("%.1f kB per connection", s.PerConnection/1000)
}

func count(n uint64) string { return fmt.Sprint(n) }

func megabytes(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }

// listCounts shows what went wrong, most frequent first.
func listCounts(b *strings.Builder, label string, counts map[string]int) {
	if len(counts) == 0 {
		fmt.Fprintf(b, "%s %s\n", benchLabel.Width(12).Render(label), "none")
		return
	}
	keys := slices.SortedFunc(maps.Keys(counts), func(x, y string) int { return counts[y] - counts[x] })
	for _, k := range keys {
		fmt.Fprintf(b, "%s %s\n", benchLabel.Width(12).Render(label), benchBad.Render(fmt.Sprintf("%d: %s", counts[k], k)))
	}
}

func verdict(b *strings.Builder, doubts []string) {
	if len(doubts) == 0 {
		fmt.Fprintf(b, "%s\n", benchGood.Render("The generator kept up: the figures are the server's."))
		return
	}
	for _, d := range doubts {
		fmt.Fprintf(b, "%s\n", benchBad.Render("Results not trustworthy: "+d+"."))
	}
}

// printStep shows one try of a search.
func printStep(w io.Writer, s bench.Step) {
	outcome := benchGood.Render("held")
	if !s.Held {
		outcome = benchBad.Render("not held: " + s.Why)
	}
	r := s.Result
	line := fmt.Sprintf("%6d users  p99 document %s, presence %s", s.Users, shortMillis(r.Document.P99), shortMillis(r.Presence.P99))
	if r.Server != nil {
		line += fmt.Sprintf("  server %.2f cores", r.Server.Cores)
	}
	_, _ = lipgloss.Fprintln(w, line+fmt.Sprintf("  generator %.2f cores  %s", r.Self.Cores, outcome))
}

// printSearch shows what a search found.
func printSearch(w io.Writer, f *bench.Found) {
	t := table.New().Border(lipgloss.NormalBorder()).BorderStyle(benchLabel).
		Headers("users", "deliveries/s", "p99 document", "p99 presence", "lost", "server cores", "us/delivery", "generator", "")
	for _, s := range f.Steps {
		r, cores, cost, outcome := s.Result, "", "", "held"
		if r.Server != nil {
			cores, cost = fmt.Sprintf("%.2f", r.Server.Cores), fmt.Sprintf("%.1f", r.Server.MicrosPerDelivery)
		}
		if !s.Held {
			outcome = s.Why
		}
		t.Row(fmt.Sprint(s.Users), fmt.Sprintf("%.0f", r.Deliveries), shortMillis(r.Document.P99), shortMillis(r.Presence.P99),
			count(r.Lost()), cores, cost, fmt.Sprintf("%.2f", r.Self.Cores), outcome)
	}
	t.StyleFunc(func(int, int) lipgloss.Style { return lipgloss.NewStyle().Padding(0, 1) })
	text := "\n" + t.String() + "\n" + benchTitle.Render(fmt.Sprintf("The server holds %d users.", f.Held)) + "\n"
	for _, d := range f.Doubts {
		text += benchBad.Render("Not certain: "+d+".") + "\n"
	}
	_, _ = lipgloss.Fprint(w, text)
}
