#!/bin/sh
# Gives a server on one core the reference load from another core: scripts/bench-reference.sh BINARY USERS
# (rooms of 4; each user 1 document update and 5 presence updates per second; journal on).
set -eu
binary=$1
users=$2
addr=127.0.0.1:${PORT:-18980}

data=$(mktemp -d)
server=
: >"$data/log"
finish() {
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
	fi
	rm -rf "$data"
}
trap finish EXIT
trap 'exit 1' INT TERM

on_core() { # on_core NUMBER COMMAND... : pinned where there are enough cores and the tool for it
	core=$1
	shift
	if [ "$(nproc)" -gt "$core" ] && command -v taskset >/dev/null 2>&1; then
		exec taskset -c "$core" "$@"
	fi
	exec "$@"
}

ulimit -n "$(ulimit -H -n)"
(on_core 0 "$binary" dev --addr "$addr" --data "$data/rooms" --log-level warn) >"$data/log" 2>&1 &
server=$!
tries=0
until grep -q WebSocket "$data/log"; do
	tries=$((tries + 1))
	if [ "$tries" -gt 100 ] || ! kill -0 "$server" 2>/dev/null; then
		cat "$data/log" >&2
		exit 1
	fi
	sleep 0.1
done
(on_core 1 "$binary" bench reference --url "ws://$addr/rooms" --users "$users" --pid "$server")
