package k8s

import (
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strings"
	"testing"
)

// resource is one that the API server knows, subresources among them.
type resource struct {
	group, name string
	namespaced  bool
}

// resources asks the API server for everything that it has.
func (c *cluster) resources(t *testing.T) []resource {
	t.Helper()
	var groups struct {
		Groups []struct{ PreferredVersion struct{ GroupVersion string } }
	}
	c.must(t, http.MethodGet, "/apis", nil, &groups)
	paths := []string{"/api/v1"}
	for _, g := range groups.Groups {
		paths = append(paths, "/apis/"+g.PreferredVersion.GroupVersion)
	}
	var found []resource
	for _, path := range paths {
		var list struct {
			Resources []struct {
				Name       string
				Namespaced bool
			}
		}
		c.must(t, http.MethodGet, path, nil, &list)
		group := ""
		if rest, is := strings.CutPrefix(path, "/apis/"); is {
			group = strings.SplitN(rest, "/", 2)[0]
		}
		for _, r := range list.Resources {
			found = append(found, resource{group, r.Name, r.Namespaced})
		}
	}
	if len(found) < 50 {
		t.Fatalf("the API server says that it has %d resources", len(found))
	}
	return found
}

// verbs are all that Kubernetes' own resources have.
var verbs = []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "escalate", "bind", "impersonate", "approve", "sign"}

// may asks whether a service account may do something.
func (s *space) may(t *testing.T, account, verb string, r resource, namespace, name string) bool {
	t.Helper()
	resource, sub, _ := strings.Cut(r.name, "/")
	review := map[string]any{"spec": map[string]any{
		"user":   "system:serviceaccount:" + s.name + ":" + account,
		"groups": []string{"system:serviceaccounts", "system:serviceaccounts:" + s.name, "system:authenticated"},
		"resourceAttributes": map[string]any{
			"verb": verb, "group": r.group, "resource": resource, "subresource": sub, "namespace": namespace, "name": name,
		},
	}}
	var answer struct{ Status struct{ Allowed bool } }
	s.must(t, http.MethodPost, "/apis/authorization.k8s.io/v1/subjectaccessreviews", review, &answer)
	return answer.Status.Allowed
}

// allowed is all that an account may do with a resource of this name, as "verb resource.group", here and, if that is asked, elsewhere.
func (s *space) allowed(t *testing.T, account, name string, everywhere bool) (here, elsewhere []string) {
	t.Helper()
	for _, r := range s.resources(t) {
		for _, verb := range verbs {
			what := verb + " " + strings.TrimSuffix(r.name+"."+r.group, ".")
			if r.namespaced && s.may(t, account, verb, r, s.name, name) {
				here = append(here, what)
			}
			if !everywhere {
				continue
			}
			// Another namespace stands for all: a right in all of them would be one there.
			other := ""
			if r.namespaced {
				other = "default"
			}
			if s.may(t, account, verb, r, other, name) {
				elsewhere = append(elsewhere, what)
			}
		}
	}
	sort.Strings(here)
	sort.Strings(elsewhere)
	return here, elsewhere
}

// TestRights asks for everything that there is in Kubernetes: what an account may do has to be what it needs and nothing else.
func TestRights(t *testing.T) {
	need(t, "api")
	// What Kubernetes lets everybody ask who is known to it: what he himself may do and who he is.
	everybody := []string{
		"create selfsubjectaccessreviews.authorization.k8s.io",
		"create selfsubjectreviews.authentication.k8s.io",
		"create selfsubjectrulesreviews.authorization.k8s.io",
	}
	variants := []string{"pool", "packed"}
	if testing.Short() {
		variants = variants[:1]
	}
	for _, variant := range variants {
		s := newSpace(t)
		s.install(changes{variant: variant})
		room := []string{"delete pods", "patch pods"}
		if variant == "packed" {
			room = nil // its pods have no token at all, and use the account that every namespace has
		}
		for _, x := range []struct {
			account, name string
			want          []string
		}{
			{"symphony-proxy", "symphony-room", []string{"patch deployments/scale.apps"}},
			{"symphony-proxy", "another", nil},
			{"symphony-room", "any", room},
		} {
			t.Run(fmt.Sprintf("%s/%s/%s", variant, x.account, x.name), func(t *testing.T) {
				here, elsewhere := s.allowed(t, x.account, x.name, x.name != "another")
				if !slices.Equal(here, x.want) {
					t.Errorf("may do in its namespace\n%q, needs\n%q", here, x.want)
				}
				if x.name != "another" && !slices.Equal(elsewhere, everybody) {
					t.Errorf("may do elsewhere\n%q, everybody may\n%q", elsewhere, everybody)
				}
			})
		}
	}
}

// TestPodsTouchOnlyThemselves is about what the policy adds to the role.
func TestPodsTouchOnlyThemselves(t *testing.T) {
	need(t, "api")
	s := newSpace(t)
	s.install(changes{variant: "pool"})
	kubectl(t, "", "--namespace", s.name, "scale", "deployment/symphony-room", "--replicas=2")
	pods := s.waitForRooms(t, 2, 0)
	one, other := pods[0], pods[1]
	itself, err := open(s.account("symphony-room", one))
	if err != nil {
		t.Fatal(err)
	}
	mine, others := s.path("pods/"+one.Metadata.Name), s.path("pods/"+other.Metadata.Name)
	taken := map[string]any{"metadata": map[string]any{"labels": map[string]string{"symphony.dev/pool": "taken"}}}
	annotation := map[string]any{"metadata": map[string]any{"annotations": map[string]string{"a": "b"}}}
	deadline := map[string]any{"spec": map[string]any{"activeDeadlineSeconds": 1}}
	// A policy takes a moment until it holds.
	eventually(t, func() (bool, string) {
		_, err := itself.do(http.MethodPatch, others+"?dryRun=All", taken, nil)
		return err != nil && strings.Contains(err.Error(), "no pod but itself"), fmt.Sprint("a change of another pod: ", err)
	})
	for _, x := range []struct {
		what, method, path string
		body               any
		why                string // what the refusal says; empty if it is allowed
	}{
		{"change another pod", http.MethodPatch, others, taken, "no pod but itself"},
		{"delete another pod", http.MethodDelete, others, nil, "no pod but itself"},
		{"change what it runs", http.MethodPatch, mine, deadline, "nothing of itself but labels"},
		{"change its annotations", http.MethodPatch, mine, annotation, "nothing of itself but labels"},
		{"look at itself", http.MethodGet, mine, nil, "cannot get"},
		{"read secrets", http.MethodGet, s.path("secrets"), nil, "cannot list"},
		{"change its label", http.MethodPatch, mine, taken, ""},
		{"delete itself", http.MethodDelete, mine, nil, ""},
	} {
		_, err := itself.do(x.method, x.path, x.body, nil)
		switch {
		case x.why == "" && err != nil:
			t.Errorf("%s: %v", x.what, err)
		case x.why != "" && err == nil:
			t.Errorf("%s: was allowed", x.what)
		case x.why != "" && !strings.Contains(err.Error(), x.why):
			t.Errorf("%s: %v, want a refusal with %q", x.what, err, x.why)
		}
	}
	if p, there := s.pod(other.Metadata.Name); !there || p.ending() {
		t.Error("the other pod is gone")
	}
}
