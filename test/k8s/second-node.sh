#!/bin/bash
# A second node beside the one of scripts/test-k8s.sh, for tests that drain one: a kubelet and a containerd of their own.
#   second-node.sh RUN IMAGES ADDRESS FILE...    until the end of the standard input
#
# It is started in the node's namespaces (mount, network, pid, ipc). RUN is the node's directory, IMAGES that of its images, ADDRESS its
# address; each FILE is an image to be imported besides. Both nodes are in one network, on one bridge with one range of addresses, and
# one kube-proxy serves both: what differs is who schedules, starts and evicts pods, which is what a drain is about.
# The settings are the first node's, with other places and ports.
set -euo pipefail
run=$1 images=$2 address=$3
shift 3
dir=$run/second name=node2 socket=/run/containerd/second.sock group=/k8sci/second
mkdir -p "$dir/pods"

# Each kubelet removes control groups and containers that it does not know, so nothing of these may be shared.
for c in /sys/fs/cgroup/*/; do
	[ "$c" = /sys/fs/cgroup/unified/ ] || mkdir -p "$c${group#/}"
done
for file in cpuset.cpus cpuset.mems; do
	cat "/sys/fs/cgroup/cpuset/$file" >"/sys/fs/cgroup/cpuset$group/$file"
done

sed -e "s|^root = .*|root = \"$dir/containerd\"|" -e 's|^state = .*|state = "/run/containerd/second"|' \
	-e "s|address = \"/run/containerd/containerd.sock\"|address = \"$socket\"|" "$run/etc/containerd.toml" >"$dir/containerd.toml"
containerd -c "$dir/containerd.toml" >"$run/log/containerd2.log" 2>&1 </dev/null &
containerd=$!
kubelet=
end() {
	status=$?
	trap - EXIT
	kill -TERM $kubelet $containerd 2>/dev/null || true
	wait || true
	exit $status
}
trap end EXIT
trap 'exit 130' INT TERM
for _ in $(seq 100); do
	ctr -a "$socket" version >/dev/null 2>&1 && break
	sleep 0.1
done
for file in "$images"/*.tar "$@"; do
	ctr -a "$socket" -n k8s.io images import "$file" >/dev/null
done

{
	sed -e "s|^cgroupRoot: .*|cgroupRoot: $group|" -e "s|^podLogsDir: .*|podLogsDir: $dir/pods|" \
		-e "s|^containerRuntimeEndpoint: .*|containerRuntimeEndpoint: unix://$socket|" "$run/etc/kubelet.yaml"
	echo "port: 10260"
	echo "healthzPort: 10258"
} >"$dir/kubelet.yaml"
# With the administrator's rights, because the first node's say that it is that node.
hyperkube kubelet --config="$dir/kubelet.yaml" --kubeconfig="$run/pki/admin.kubeconfig" --root-dir="$dir/kubelet" \
	--cert-dir="$dir/kubelet/pki" --hostname-override=$name --node-ip="$address" >"$run/log/kubelet2.log" 2>&1 </dev/null &
kubelet=$!
echo "$name"
read -r _ || true
