#!/bin/sh
# Makes a container image of the static binary, without Docker:
#   scripts/image.sh [-t REF] [-o FILE] [BINARY]
# REF is the image's name (symphony:dev), FILE the archive (bin/image.tar), BINARY the program (bin/symphony; for another
# platform than this one set GOARCH to what it was built for). The archive is an OCI image layout that is a `docker save`
# archive, too: `ctr images import`, `podman load`, `docker load`, `skopeo copy oci-archive:...` and `crane push` take it.
# In it are the program, the certificates of authorities by which it knows cloud services (those of this machine), and a /tmp.
# The same program and certificates give the same bytes. Needs GNU tar.
# Sources: https://github.com/opencontainers/image-spec (image-layout, manifest, config); for manifest.json what `docker save` writes.
set -eu
cd "$(dirname "$0")/.."

ref=symphony:dev
out=bin/image.tar
while getopts t:o: option; do
	case $option in
	t) ref=$OPTARG ;;
	o) out=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
program=${1:-bin/symphony}
[ -x "$program" ] || { echo "image: there is no program $program: run make build" >&2; exit 1; }
if go version -m "$program" 2>/dev/null | grep -q CGO_ENABLED=1; then
	echo "image: $program needs libraries that the image has not: build it with make build (CGO_ENABLED=0)" >&2
	exit 1
fi
certificates=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
arch=${GOARCH:-$(go env GOARCH)}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# archive DIRECTORY: a tar archive of it on standard output that depends on nothing but contents, names and modes
archive() { tar -C "$1" --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - .; }

digest() { sha256sum "$1" | cut -d' ' -f1; }

# blob FILE: moves it to where the layout has it and prints its digest
blob() {
	sum=$(digest "$1")
	mv "$1" "$work/image/blobs/sha256/$sum"
	echo "$sum"
}

size() { wc -c <"$work/image/blobs/sha256/$1" | tr -d ' '; }

mkdir -p "$work/root/tmp" "$work/root/etc/ssl/certs" "$work/image/blobs/sha256"
cp "$program" "$work/root/symphony"
if [ -r "$certificates" ]; then
	cp "$certificates" "$work/root/etc/ssl/certs/ca-certificates.crt"
	chmod 644 "$work/root/etc/ssl/certs/ca-certificates.crt"
else
	echo "image: $certificates is missing: a program in this image cannot check certificates of cloud services" >&2
fi
chmod 755 "$work/root" "$work/root/etc" "$work/root/etc/ssl" "$work/root/etc/ssl/certs" "$work/root/symphony"
chmod 1777 "$work/root/tmp"

archive "$work/root" >"$work/layer.tar"
layer_content=$(digest "$work/layer.tar")
gzip -n -6 <"$work/layer.tar" >"$work/layer.tar.gz"
layer=$(blob "$work/layer.tar.gz")

# 65532 is nobody in particular: there are no users in the image, and none is needed.
cat >"$work/config.json" <<EOF
{"created":"1970-01-01T00:00:00Z","architecture":"$arch","os":"linux","config":{"User":"65532:65532","Entrypoint":["/symphony"],"WorkingDir":"/tmp","ExposedPorts":{"8080/tcp":{}},"Labels":{"org.opencontainers.image.title":"symphony","org.opencontainers.image.licenses":"Apache-2.0"}},"rootfs":{"type":"layers","diff_ids":["sha256:$layer_content"]},"history":[{"created":"1970-01-01T00:00:00Z","created_by":"scripts/image.sh"}]}
EOF
config=$(blob "$work/config.json")

cat >"$work/manifest.json" <<EOF
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:$config","size":$(size "$config")},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:$layer","size":$(size "$layer")}]}
EOF
manifest=$(blob "$work/manifest.json")

# Names without a host are Docker's, and containerd wants them in full.
case $ref in
*.*/* | *:*/* | localhost/*) full=$ref ;;
*/*) full=docker.io/$ref ;;
*) full=docker.io/library/$ref ;;
esac

# In the index both annotations name the image: the first for containerd, the second, which has the tag only, for others.
printf '{"imageLayoutVersion":"1.0.0"}' >"$work/image/oci-layout"
cat >"$work/image/index.json" <<EOF
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:$manifest","size":$(size "$manifest"),"annotations":{"io.containerd.image.name":"$full","org.opencontainers.image.ref.name":"${ref##*:}"},"platform":{"architecture":"$arch","os":"linux"}}]}
EOF
cat >"$work/image/manifest.json" <<EOF
[{"Config":"blobs/sha256/$config","RepoTags":["$ref"],"Layers":["blobs/sha256/$layer"]}]
EOF

mkdir -p "$(dirname "$out")"
archive "$work/image" >"$out.partial"
mv "$out.partial" "$out"
echo "$out: $ref, $(wc -c <"$out" | tr -d ' ') bytes, sha256:$manifest"
