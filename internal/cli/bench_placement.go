package cli

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/symphony-rtc/symphony/internal/bench/placement"
)

func newBenchPlacementCommand() *cobra.Command {
	f, asJSON := placement.Defaults(), false
	cmd := &cobra.Command{
		Use:   "placement",
		Short: "Play a large cluster in virtual time and see how rooms spread over its hosts",
		Long: "Lets the code that chooses hosts for rooms live through a cluster's life in virtual time: rooms of very different size\n" +
			"and lifetime come and go, hosts die and come back, a zone dies, a rolling update drains hosts one after the other. Several\n" +
			"proxies choose independently, from views of the cluster that are some milliseconds old. Simpler ways to choose live\n" +
			"through the same, in a smaller cluster. It needs no server and no network; the default size takes some minutes and about 1 GB of memory.",
		Example: "  symphony bench placement\n" +
			"  symphony bench placement --hosts 1000 --rooms 100000 --staleness 1s\n" +
			"  symphony bench placement --capacity 1 --hosts 20000 --rooms 12000",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBenchPlacement(cmd, f, asJSON) },
	}
	flags := cmd.Flags()
	flags.IntVar(&f.Hosts, "hosts", f.Hosts, "hosts of the cluster")
	flags.IntVar(&f.Rooms, "rooms", f.Rooms, "rooms that are open at a time")
	flags.IntVar(&f.Capacity, "capacity", f.Capacity, "rooms per host")
	flags.IntVar(&f.Zones, "zones", f.Zones, "zones that the hosts are spread over")
	flags.IntVar(&f.Proxies, "proxies", f.Proxies, "proxies that choose independently of each other")
	flags.DurationVar(&f.Staleness, "staleness", f.Staleness, "how old the oldest proxy's view of the cluster is")
	flags.Uint64Var(&f.Seed, "seed", f.Seed, "the same seed plays the same life")
	flags.IntVar(&f.CompareHosts, "compare-hosts", f.CompareHosts, "hosts of the cluster in which other ways to choose are compared, with as many rooms on each; 0 for all")
	flags.BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

func runBenchPlacement(cmd *cobra.Command, c placement.Config, asJSON bool) error {
	if err := c.Validate(); err != nil {
		return misuse("%w", err)
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	bar := newPlacementBar(cmd.ErrOrStderr())
	result, err := placement.Run(ctx, c, bar.show)
	bar.clear()
	if err != nil {
		return fmt.Errorf("playing the cluster: %w", err)
	}
	return (&benchFlags{json: asJSON}).print(cmd, result, func() { printPlacement(cmd.OutOrStdout(), result) })
}

// placementBar shows how far a run is: a bar in a terminal, a line every few seconds elsewhere.
type placementBar struct {
	w        io.Writer
	terminal bool
	dirty    bool
	last     time.Time
}

func newPlacementBar(w io.Writer) *placementBar {
	f, ok := w.(*os.File)
	return &placementBar{w: w, terminal: ok && term.IsTerminal(int(f.Fd())), last: time.Now()}
}

func (b *placementBar) show(p placement.Progress) {
	if b.terminal {
		const width = 30
		filled := min(int(p.Share*width), width)
		fmt.Fprintf(b.w, "\r\x1b[K%s%s %3.0f%%  %3.0fs  %s", strings.Repeat("█", filled), strings.Repeat("░", width-filled),
			p.Share*100, p.Elapsed.Seconds(), p.Doing)
		b.dirty = true
	} else if time.Since(b.last) >= plainEvery {
		b.last = time.Now()
		fmt.Fprintf(b.w, "%3.0f%%  %3.0fs  %s\n", p.Share*100, p.Elapsed.Seconds(), p.Doing)
	}
}

func (b *placementBar) clear() {
	if b.dirty {
		fmt.Fprint(b.w, "\r\x1b[K")
		b.dirty = false
	}
}

// printPlacement shows a result to people.
func printPlacement(w io.Writer, r *placement.Result) {
	c := r.Config
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", benchTitle.Render(fmt.Sprintf("Placement: %d rooms on %d hosts for %d each, in %d zones; %d proxies with views up to %s old",
		c.Rooms, c.Hosts, c.Capacity, c.Zones, c.Proxies, c.Staleness)))
	fmt.Fprintf(&b, "\n%s\n%s\n", benchTitle.Render("Symphony's placement, at the end of each part of the cluster's life"), phaseTable(r.Full.Phases))
	fmt.Fprintf(&b, "\n%s\n%s\n", benchTitle.Render(fmt.Sprintf("Ways to choose, over the whole life of %d rooms on %d hosts",
		r.Compared.Rooms, r.Compared.Hosts)), strategyTable(r.Strategies))
	for _, s := range r.Strategies {
		fmt.Fprintf(&b, "%s %s\n", benchLabel.Width(16).Render(s.Name), s.About)
	}
	fmt.Fprintf(&b, "\n%s %d ns per pick, %d ns per change of a host, %s for the table of a proxy\n", benchLabel.Width(16).Render("cost"),
		r.Cost.Pick.Nanoseconds(), r.Cost.Word.Nanoseconds(), megabytes(r.Cost.Table))
	fmt.Fprintf(&b, "%s %.0f s, %s of memory\n", benchLabel.Width(16).Render("this run"), r.Seconds, megabytes(r.Cost.Peak))
	for line := range strings.Lines(placementWords) {
		b.WriteString(benchLabel.Render(strings.TrimSuffix(line, "\n")) + "\n")
	}
	_, _ = lipgloss.Fprint(w, b.String())
}

const placementWords = `
max, p99         the fullest host, and the one that 99 % are not fuller than, as a multiple of the mean; variation: standard
                 deviation / mean. Rooms: their number. Machine: what the people in them demand, as a share of what it can do
zones            how full the emptiest and the fullest zone are. One that came back fills as its share of new rooms
detours          hosts that were asked in vain (they were full, draining or dead), per 1000 opens
refused          opens for which a proxy knew no host any more and had to try again later, per 1000
overloaded       opens that went to a host whose machine was over 90 % busy, per 1000
herd             most rooms that one host had to open within one second`

func phaseTable(phases []placement.Phase) string {
	t := placementTable("", "opens", "rooms max", "p99", "variation", "machine max", "p99", "zones", "detours", "refused", "overloaded", "herd")
	for _, p := range phases {
		t.Row(append([]string{p.Name, count(uint64(p.Tally.Opens)), times(p.Rooms.Max, p.Rooms.Mean), times(p.Rooms.P99, p.Rooms.Mean),
			fmt.Sprintf("%.3f", p.Rooms.Variation), percent(p.People.Max), percent(p.People.P99),
			percent(p.Zones.Min) + " - " + percent(p.Zones.Max)}, tallied(p.Tally)...)...)
	}
	return t.String()
}

// strategyTable compares the strategies: how even rooms are in ordinary life (the second phase) and after all that happened
// (the last one), and what went wrong on the way.
func strategyTable(all []placement.Outcome) string {
	t := placementTable("", "ordinary: rooms max", "p99", "variation", "at the end: max", "p99", "variation",
		"detours", "refused", "overloaded", "herd")
	for _, o := range all {
		row := []string{o.Name}
		for _, p := range []placement.Phase{o.Phases[1], o.Phases[len(o.Phases)-1]} {
			row = append(row, times(p.Rooms.Max, p.Rooms.Mean), times(p.Rooms.P99, p.Rooms.Mean), fmt.Sprintf("%.3f", p.Rooms.Variation))
		}
		t.Row(append(row, tallied(o.Tally)...)...)
	}
	return t.String()
}

func placementTable(headers ...string) *table.Table {
	return table.New().Border(lipgloss.NormalBorder()).BorderStyle(benchLabel).Headers(headers...).
		StyleFunc(func(_, col int) lipgloss.Style {
			style := lipgloss.NewStyle().Padding(0, 1)
			if col > 0 {
				style = style.Align(lipgloss.Right)
			}
			return style
		})
}

func tallied(t placement.Tally) []string {
	perMille := func(n int) string { return fmt.Sprintf("%.2f", 1000*float64(n)/float64(max(t.Opens, 1))) }
	return []string{perMille(t.Full + t.Dead + t.Draining), perMille(t.Refused), perMille(t.Overloaded), fmt.Sprint(t.Herd)}
}

func times(v, mean float64) string {
	if mean == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", v/mean)
}

func percent(share float64) string { return fmt.Sprintf("%.0f%%", share*100) }
