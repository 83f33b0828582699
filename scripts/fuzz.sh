#!/bin/sh
# Runs every fuzz target of the module for an equal part of a time: scripts/fuzz.sh SECONDS
# New findings are stored in testdata/fuzz of their package and fail the run.
set -eu
cd "$(dirname "$0")/.."
total=$1

targets=$(grep -rl --include='*_test.go' --exclude-dir=node_modules '^func Fuzz' . | while read -r file; do
	sed -n "s|^func \(Fuzz[A-Za-z0-9_]*\)(.*|$(dirname "$file") \1|p" "$file"
done | sort -u)
count=$(printf '%s\n' "$targets" | grep -c .)
each=$((total / count))
[ "$each" -ge 2 ] || each=2
echo "fuzzing $count targets for ${each}s each"
printf '%s\n' "$targets" | while read -r dir name; do
	output=$(go test -run='^$' -fuzz="^$name\$" -fuzztime="${each}s" "$dir" 2>&1 </dev/null) || {
		# Before Go 1.27 the end of the time can itself come out as a failure (Go issue 75804): without an input it is none.
		if ! printf '%s\n' "$output" | grep -q 'context deadline exceeded' ||
			printf '%s\n' "$output" | grep -q 'Failing input written'; then
			printf '%s\n' "$output"
			exit 1
		fi
	}
	printf '%s %s: %s\n' "$dir" "$name" "$(printf '%s\n' "$output" | grep '^fuzz: elapsed' | tail -n 1)"
done
