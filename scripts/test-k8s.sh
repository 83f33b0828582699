#!/bin/bash
# Runs the tests of test/k8s on a real Kubernetes:
#   scripts/test-k8s.sh [FLAG...]    FLAGs are the tests' own: -test.short, -test.run NAME, -test.v
#
# By default it starts a Kubernetes node here, in namespaces of its own, with the scripts in the directory SYMPHONY_K8S_NODE
# (../shared/k8s-node): build.sh, up.sh, in.sh, down.sh. Starting one needs root and Linux. Where it cannot be started the tests are
# left out.
# With SYMPHONY_K8S_CLUSTER=FILE, a kubeconfig, the tests that need no pods to run are made in that cluster, in namespaces that are
# removed again. They make two cluster-wide things there, which stay: the priority classes and the policy of deploy/kubernetes.
# SYMPHONY_K8S_REPORT=FILE has the table of what was measured written there, too.
set -euo pipefail
cd "$(dirname "$0")/.."

work=bin/k8s
out=$work/k8s.test
mkdir -p "$work"
build() {
	echo "test-k8s: building" >&2
	go test -c -o "$out" ./test/k8s
}

if [ -n "${SYMPHONY_K8S_CLUSTER:-}" ]; then
	build
	export SYMPHONY_TEST_K8S=api KUBECONFIG=$(realpath "$SYMPHONY_K8S_CLUSTER") SYMPHONY_K8S_REPORT
	cd test/k8s && exec "../../$out" -test.timeout 30m "$@"
fi

node=$(realpath -m "${SYMPHONY_K8S_NODE:-../shared/k8s-node}")
leave_out() {
	echo "test-k8s: left out: $*" >&2
	[ -z "${SYMPHONY_K8S_NODE:-}" ] || exit 1 # somebody wants it
	exit 0
}
[ -x "$node/up.sh" ] || leave_out "there are no scripts of a node in $node (set SYMPHONY_K8S_NODE)"
unshare --mount --net --pid --ipc --fork true 2>/dev/null || leave_out "this user may not make namespaces, a node cannot be started"

build
"$node/build.sh" >&2 || leave_out "the node could not be built"

# The node's own scripts know where its images and its state are.
where=$(bash -c '. "$0/env.sh"; echo "$K8SCI_RUN"' "$node")
image=local/symphony:test
CGO_ENABLED=0 go build -trimpath -tags grpcnotrace -ldflags "-s -w" -o "$work/symphony" ./cmd/symphony
scripts/image.sh -t "$image" -o "$work/image.tar" "$work/symphony" >&2

down() {
	status=$?
	trap - EXIT INT TERM
	"$node/down.sh" >&2 || status=1
	exit $status
}
trap 'exit 130' INT TERM
# Whether the node of which something is left there is in use: it runs, and so does the run of this script that started it, if it was one.
in_use() {
	tr '\0' ' ' 2>/dev/null <"/proc/$(cat "$where/pid1")/cmdline" | grep -q 'node\.sh' || return 1
	[ ! -e "$where/owner" ] || tr '\0' ' ' 2>/dev/null <"/proc/$(cat "$where/owner")/cmdline" | grep -q 'test-k8s\.sh'
}
if [ -e "$where/pid1" ]; then
	if in_use; then
		echo "test-k8s: a node is running already: $node/down.sh ends it" >&2
		exit 1
	fi
	echo "test-k8s: a run before was ended before it could end its node; that is done now" >&2
	"$node/down.sh" >&2
fi
trap down EXIT
mkdir -p "$where"
echo $$ >"$where/owner"
if ! "$node/up.sh" >&2; then
	trap - EXIT INT TERM
	"$node/down.sh" >&2 || true
	leave_out "the node could not be started"
fi
nsenter --mount="/proc/$(cat "$where/pid1")/ns/mnt" -- \
	ctr -a /run/containerd/containerd.sock -n k8s.io images import "$PWD/$work/image.tar" >/dev/null

export SYMPHONY_TEST_K8S=node SYMPHONY_TEST_K8S_IMAGE=$image SYMPHONY_K8S_REPORT
# For a second node, and to stop and start the parts of Kubernetes.
export SYMPHONY_TEST_K8S_IMAGE_FILE=$PWD/$work/image.tar SYMPHONY_TEST_K8S_RUN=$where
# Clients, etcd, Postgres and S3 are processes in the node's network; everything else of them is as outside.
(cd test/k8s && "$node/in.sh" "../../$out" -test.timeout 30m "$@")
