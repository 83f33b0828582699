#!/bin/sh
# Puts in place what a target of the Makefile needs, and does nothing when it is there:
#   scripts/setup.sh go         the Go toolchain (checked, not installed)
#   scripts/setup.sh node       Node.js (checked) and the npm packages of package-lock.json
#   scripts/setup.sh race       a C compiler, which Go's race detector needs
#   scripts/setup.sh chromium   a browser for the browser tests
#   scripts/setup.sh curl       curl, with which a test runs the examples of the documentation
#   scripts/setup.sh s3         S3 servers for the storage tests, built into bin/tools (a few minutes, once)
#   scripts/setup.sh gcs        the same for Google Cloud Storage
#   scripts/setup.sh postgres   PostgreSQL's programs; the tests start servers of their own
#   scripts/setup.sh etcd       etcd; the tests start servers of their own
#   scripts/setup.sh namespaces ip and nft, with which the tests give processes networks of their own
#   scripts/setup.sh faketime   libfaketime, with which the tests give Postgres a wrong clock
#   scripts/setup.sh azure      the same for Azure Blob Storage: npm packages below test/servers
# System packages come from apt, with sudo when not root.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

fail() {
	say "setup: $*"
	exit 1
}

need() { # need COMMAND ADVICE
	command -v "$1" >/dev/null 2>&1 || fail "$1 is not installed. $2"
}

apt_install() {
	command -v apt-get >/dev/null 2>&1 || fail "please install $* (this system has no apt-get)"
	as_root=
	if [ "$(id -u)" -ne 0 ]; then
		need sudo "Install $* as root, then run this again."
		as_root=sudo
	fi
	say "setup: installing $*"
	if ! log=$($as_root apt-get update 2>&1 &&
		$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" 2>&1 </dev/null); then
		say "$log"
		fail "apt-get could not install $*"
	fi
}

go_toolchain() { need go "Install Go 1.26 or newer: https://go.dev/doc/install"; }

node_packages() {
	need node "Install Node.js 20 or newer: https://nodejs.org"
	need npm "Install npm, which usually comes with Node.js."
	major=$(node -p 'process.versions.node.split(".")[0]')
	[ "$major" -ge 20 ] || fail "Node.js $(node --version) is too old: install 20 or newer"
	npm_packages .
}

npm_packages() { # npm_packages DIRECTORY
	# npm writes this file last, so a failed installation is repeated.
	installed=$1/node_modules/.package-lock.json
	if [ ! -e "$installed" ] || [ "$1/package-lock.json" -nt "$installed" ]; then
		say "setup: installing npm packages in $1"
		(cd "$1" && npm ci --no-progress --loglevel=error </dev/null >&2)
		touch "$installed"
	fi
}

race() {
	if ! command -v "${CC:-gcc}" >/dev/null 2>&1 || [ ! -e /usr/include/stdlib.h ]; then
		apt_install gcc libc6-dev
	fi
}

chromium() {
	if ! command -v chromium >/dev/null 2>&1 && [ -z "${CHROMIUM:-}" ]; then
		apt_install chromium fonts-dejavu-core
	fi
}

postgres() {
	for program in /usr/lib/postgresql/*/bin/initdb; do
		[ ! -x "$program" ] || return 0
	done
	! command -v initdb >/dev/null 2>&1 || return 0
	# Debian's package makes a server and starts it, unless it is told not to.
	if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
		apt_install postgresql-common
	fi
	as_root=
	[ "$(id -u)" -eq 0 ] || as_root=sudo
	$as_root mkdir -p /etc/postgresql-common/createcluster.d
	echo 'create_main_cluster = false' | $as_root tee /etc/postgresql-common/createcluster.d/no-main-cluster.conf >/dev/null
	apt_install postgresql
}

etcd_server() {
	! command -v etcd >/dev/null 2>&1 || return 0
	apt_install etcd-server
	# Debian's package starts a server of its own, which nothing here needs.
	if [ -d /run/systemd/system ]; then
		as_root=
		[ "$(id -u)" -eq 0 ] || as_root=sudo
		$as_root systemctl disable --now etcd >/dev/null 2>&1 || true
	fi
}

namespaces() {
	command -v ip >/dev/null 2>&1 || apt_install iproute2
	command -v nft >/dev/null 2>&1 || [ -x /usr/sbin/nft ] || apt_install nftables
}

faketime() {
	for library in /usr/lib/*/faketime/libfaketime.so.1; do
		[ ! -e "$library" ] || return 0
	done
	apt_install libfaketime
}

go_server() { # go_server NAME PACKAGE: a program of the module test/servers
	go_toolchain
	if [ ! -x "bin/tools/$1" ] || [ test/servers/go.sum -nt "bin/tools/$1" ]; then
		say "setup: building $1, a server for tests"
		mkdir -p bin/tools
		(cd test/servers && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "../../bin/tools/$1" "$2")
		touch "bin/tools/$1"
	fi
}

for part in "$@"; do
	case $part in
	go) go_toolchain ;;
	node) node_packages ;;
	race) race ;;
	curl) command -v curl >/dev/null 2>&1 || apt_install curl ;;
	chromium) chromium ;;
	postgres) postgres ;;
	etcd) etcd_server ;;
	namespaces) namespaces ;;
	faketime) faketime ;;
	s3)
		go_server versitygw github.com/versity/versitygw/cmd/versitygw
		go_server gofakes3 github.com/johannesboyne/gofakes3/cmd/gofakes3
		;;
	gcs) go_server fake-gcs-server github.com/fsouza/fake-gcs-server ;;
	azure)
		need node "Install Node.js 20 or newer: https://nodejs.org"
		npm_packages test/servers
		;;
	*) fail "unknown part $part" ;;
	esac
done
