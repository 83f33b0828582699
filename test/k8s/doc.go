// Package k8s tests Symphony on a real Kubernetes: the manifests of deploy/kubernetes as they are shipped, the rights that they
// give, and, on a real node, proxies and rooms in pods made from an image of our static binary.
//
// `make test-k8s` runs the tests where they can run; anywhere else they are skipped. See scripts/test-k8s.sh for the
// variables that they take.
package k8s
