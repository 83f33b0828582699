package k8s

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/symphony-rtc/symphony/test/harness"
)

// TestArchive reads what scripts/image.sh makes, as the specification of OCI images says it is to be read, and makes it twice.
// It needs no Kubernetes.
func TestArchive(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("scripts/image.sh needs GNU tar")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	build := func(name string) []byte {
		file := filepath.Join(dir, name)
		cmd := exec.Command(filepath.Join(harness.Root(), "scripts", "image.sh"), "-t", "local/program:7", "-o", file, program)
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("scripts/image.sh: %v\n%s", err, output)
		}
		archive, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return archive
	}
	archive := build("one.tar")
	if !bytes.Equal(archive, build("two.tar")) {
		t.Error("the same program gives another image the second time")
	}

	files, _ := untar(t, archive)
	type descriptor struct {
		MediaType, Digest string
		Size              int
		Annotations       map[string]string
	}
	blob := func(d descriptor) []byte {
		t.Helper()
		content := files["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")]
		if sum := sha256.Sum256(content); d.Digest != "sha256:"+hex.EncodeToString(sum[:]) || d.Size != len(content) {
			t.Fatalf("%s: the blob has %d bytes and another digest: %x", d.Digest, len(content), sum)
		}
		return content
	}
	decode := func(text []byte, value any) {
		t.Helper()
		if err := json.Unmarshal(text, value); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
	var index struct{ Manifests []descriptor }
	decode(files["index.json"], &index)
	if name := index.Manifests[0].Annotations["io.containerd.image.name"]; name != "docker.io/local/program:7" {
		t.Errorf("containerd would call it %q", name)
	}
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	decode(blob(index.Manifests[0]), &manifest)
	var config struct {
		Architecture string
		Config       struct {
			User       string
			Entrypoint []string
		}
		Rootfs struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	decode(blob(manifest.Config), &config)
	if config.Architecture != runtime.GOARCH || config.Config.User != "65532:65532" || !slices.Equal(config.Config.Entrypoint, []string{"/symphony"}) {
		t.Errorf("the configuration is %+v", config)
	}

	unzip, err := gzip.NewReader(bytes.NewReader(blob(manifest.Layers[0])))
	if err != nil {
		t.Fatal(err)
	}
	layer, err := io.ReadAll(unzip)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(layer); !slices.Equal(config.Rootfs.DiffIDs, []string{"sha256:" + hex.EncodeToString(sum[:])}) {
		t.Errorf("diff_ids are %q, the layer is %x", config.Rootfs.DiffIDs, sum)
	}
	contents, modes := untar(t, layer)
	if string(contents["symphony"]) != "#!/bin/sh\n" || modes["symphony"] != 0o755 || modes["tmp/"] != 0o1777 {
		t.Errorf("the layer has %v", modes)
	}
	var docker []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	decode(files["manifest.json"], &docker)
	if len(docker) != 1 || files[docker[0].Config] == nil || files[docker[0].Layers[0]] == nil || docker[0].RepoTags[0] != "local/program:7" {
		t.Errorf("docker would load %+v", docker)
	}
}

// untar returns the contents and the modes of an archive's files, by name.
func untar(t *testing.T, archive []byte) (contents map[string][]byte, modes map[string]int64) {
	t.Helper()
	contents, modes = map[string][]byte{}, map[string]int64{}
	for reader := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return contents, modes
		}
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(header.Name, "./")
		if header.Uid != 0 || header.Gid != 0 || header.ModTime.Unix() != 0 {
			t.Errorf("%s: user %d, group %d, time %s", name, header.Uid, header.Gid, header.ModTime)
		}
		if contents[name], err = io.ReadAll(reader); err != nil {
			t.Fatal(err)
		}
		modes[name] = header.Mode
	}
}
