package records

import (
	"strconv"
	"strings"
)

// Placeholders writes the question marks of a query as Postgres wants them: $1, $2 and so on. Question marks in
// quotation marks stay.
func Placeholders(query string) string {
	var b strings.Builder
	n := 0
	quote := rune(0)
	for _, c := range query {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '?':
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}
