package records

import "testing"

func TestPlaceholders(t *testing.T) {
	for query, want := range map[string]string{
		"":                                    "",
		"SELECT 1":                            "SELECT 1",
		"SELECT ? WHERE a = ? AND b IN (?,?)": "SELECT $1 WHERE a = $2 AND b IN ($3,$4)",
		"SELECT '?', \"?\", 'it''s ?', ?":     "SELECT '?', \"?\", 'it''s ?', $1",
		"?,?,?,?,?,?,?,?,?,?,?":               "$1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11",
	} {
		if got := Placeholders(query); got != want {
			t.Errorf("%q became %q, want %q", query, got, want)
		}
	}
}
