// Package kubernetes runs hosts as pods. Kubernetes does all the work: a Deployment keeps the wanted number of pods, its
// ReplicaSet refills it, kubelets restart what crashes. What is left are three small requests:
//
//   - a proxy says how many pods the Deployment should have (Orchestrator);
//   - a pod that serves a room takes itself out of the Deployment by changing one label of its own (Pod.Claimed), whereupon
//     Kubernetes starts another one in its place;
//   - a pod whose room is closed deletes itself (Pod.Delete).
//
// So a proxy may change the size of one Deployment and a pod may change and delete pods, and nobody may do anything else:
// deploy/kubernetes has the roles. docs/kubernetes.md tells the life of a pod.
package kubernetes
