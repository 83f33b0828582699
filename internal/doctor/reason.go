package doctor

import (
	"strings"

	"github.com/symphony-rtc/symphony/internal/store"
)

// reason is what an error about damage says is wrong, without what to do about it: a finding says that itself.
func reason(err error) string {
	text := store.Reason(err)
	for _, advice := range []string{"; nothing was changed", "; repair the room", ", restore the data directory", ", restore it from"} {
		text, _, _ = strings.Cut(text, advice)
	}
	return text
}
