package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The linker leaves out methods that nobody calls, unless some function that is linked looks methods up by a name that it computes:
// then every exported method of every type stays, and the program is a third larger. Templates do that, so no package that is
// linked may execute one. The build tag grpcnotrace keeps grpc from it.
func TestLinkerLeavesOutWhatIsNotCalled(t *testing.T) {
	if testing.Short() {
		t.Skip("links the whole program")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", tags(t), "-ldflags", "-s -w -dumpdep",
		"-o", filepath.Join(t.TempDir(), "symphony"), ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	graph, err := cmd.CombinedOutput() // which function was linked because of which other one
	if err != nil {
		t.Fatalf("%v\n%s", err, graph[:min(len(graph), 2000)])
	}
	if !bytes.Contains(graph, []byte("main.main -> ")) {
		t.Fatalf("the linker did not say what it linked: %.500s", graph)
	}
	because := map[string]string{}
	for line := range bytes.Lines(graph) {
		by, what, _ := strings.Cut(strings.TrimSpace(string(line)), " -> ")
		if because[name(what)] == "" {
			because[name(what)] = name(by)
		}
		if strings.HasSuffix(what, "<ReflectMethod>") {
			t.Fatalf("the linker has to keep the methods of all types, because a function that looks methods up by name is linked:\n%s",
				strings.Join(chain(because, name(what)), "\n\tby "))
		}
	}
}

// name is a function's name without what the linker remarks about it.
func name(function string) string {
	n, _, _ := strings.Cut(function, " <")
	return n
}

// chain is what led the linker to a function, the function first.
func chain(because map[string]string, function string) []string {
	var links []string
	for ; function != "" && len(links) < 30; function = because[function] {
		links = append(links, function)
	}
	return links
}

// tags are the build tags of the program that people get. Wherever it is built they are the same.
func tags(t *testing.T) string {
	var all string
	for _, file := range []string{"Makefile", "deploy/Dockerfile"} {
		text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`build -trimpath -tags (\S+)`).FindSubmatch(text)
		if found == nil {
			t.Fatalf("%s builds without tags", file)
		}
		these := string(found[1])
		if all != "" && these != all {
			t.Fatalf("%s builds with the tags %q, others with %q", file, these, all)
		}
		all = these
	}
	return all
}
