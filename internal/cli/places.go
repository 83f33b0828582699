package cli

import (
	"fmt"
	"io"
	"log/slog"

	"charm.land/lipgloss/v2"

	"github.com/symphony-rtc/symphony/internal/app"
)

// announce tells where a server that has just started is: people what they can open, a collector of logs one more line. People are
// in front of a terminal, or have started a server with a page.
func announce(out io.Writer, log *slog.Logger, places app.Places) {
	if places.Address == "" {
		return
	}
	if places.Page != "" || isTerminal(out) {
		printPlaces(out, places)
		return
	}
	attrs := []any{"addr", places.Address, "version", places.Version}
	if places.Data != "" {
		attrs = append(attrs, "data", places.Data)
	}
	if places.Registry != "" {
		attrs = append(attrs, "registry", places.Registry)
	}
	log.Info("listening", attrs...)
}

// printPlaces tells where the server's parts are: in colour on a terminal, as plain lines elsewhere.
func printPlaces(w io.Writer, places app.Places) {
	title := lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("99"))
	label := lipgloss.NewStyle().Faint(true).Width(12)
	value := lipgloss.NewStyle().Foreground(lipgloss.Color("39"))
	faint := lipgloss.NewStyle().Faint(true)

	text := "\n  " + title.Render("Symphony") + " " + faint.Render(places.Version) + "\n\n"
	for _, place := range []struct{ label, value string }{
		{"Page", places.Page},
		{"WebSocket", places.WebSocket},
		{"Rooms", places.Rooms},
		{"Metrics", places.Metrics},
		{"Data", places.Data},
		{"Registry", places.Registry},
	} {
		if place.value == "" {
			continue
		}
		text += fmt.Sprintf("  %s%s\n", label.Render(place.label), value.Render(place.value))
	}
	hint := "Ctrl+C stops the server."
	if places.Page != "" {
		hint = "Open the page in two windows and draw. " + hint
	}
	text += "\n  " + faint.Render(hint) + "\n\n"
	// Fprint leaves out what w cannot show: all colour when it is no terminal. A reader that closed the pipe is no reason
	// to stop the server.
	_, _ = lipgloss.Fprint(w, text)
}
