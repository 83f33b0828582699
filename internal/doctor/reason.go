package doctor

import (
	"fmt"
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

// count is a number of things, in words.
func count(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
