package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/symphony-rtc/symphony/internal/bench"
)

// printComparison shows two servers side by side: theirs, ours, and how much better ours is.
func printComparison(w io.Writer, o options, theirs, ours measurements) {
	tab := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	defer tab.Flush()
	row := func(label, format string, a, b, ratio float64) {
		better := "-"
		if ratio > 0 {
			better = fmt.Sprintf("%.1fx", ratio)
		}
		fmt.Fprintf(tab, "%s\t"+format+"\t"+format+"\t%s\t\n", label, a, b, better)
	}
	lower := func(label, format string, a, b float64) { row(label, format, a, b, over(a, b)) }
	fmt.Fprintf(tab, "\n\t%s\t%s\tbetter\t\n", theirs.name, ours.name)
	if theirs.most != nil && ours.most != nil {
		a, b := float64(theirs.most.Held), float64(ours.most.Held)
		row("users held (p99 below 100 ms, no loss)", "%.0f", a, b, over(b, a))
		lower("CPU per delivery at that load, us", "%.1f", held(theirs.most), held(ours.most))
	}
	at := func(what string) string { return fmt.Sprintf("%s with %d users", what, o.users) }
	a, b := theirs.load, ours.load
	lower(at("CPU per delivery, us,"), "%.1f", a.Server.MicrosPerDelivery, b.Server.MicrosPerDelivery)
	lower(at("server cores"), "%.2f", a.Server.Cores, b.Server.Cores)
	lower(at("p50 of documents, ms,"), "%.2f", a.Document.P50, b.Document.P50)
	lower(at("p99 of documents, ms,"), "%.2f", a.Document.P99, b.Document.P99)
	lower(at("p99 of presence, ms,"), "%.2f", a.Presence.P99, b.Presence.P99)
	row(at("lost deliveries"), "%.0f", float64(a.Lost()), float64(b.Lost()), 0)
	lower(fmt.Sprintf("kB per idle connection (%d)", o.idle), "%.1f", theirs.idle.Server.PerConnection/1000, ours.idle.Server.PerConnection/1000)
	tab.Flush()
	for _, m := range []measurements{theirs, ours} {
		doubts := slices.Concat(m.load.Doubts, m.idle.Doubts)
		if m.most != nil {
			doubts = append(doubts, m.most.Doubts...)
		}
		for _, d := range doubts {
			fmt.Fprintf(w, "not certain for %s: %s\n", m.name, d)
		}
	}
}

// held is the CPU per delivery in microseconds at the highest load that was held, 0 if none was.
func held(f *bench.Found) float64 {
	if best := f.Best(); best != nil && best.Result.Server != nil {
		return best.Result.Server.MicrosPerDelivery
	}
	return 0
}

// over is a/b, 0 if one of them is not known.
func over(a, b float64) float64 {
	if a <= 0 || b <= 0 {
		return 0
	}
	return a / b
}
