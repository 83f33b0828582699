package services

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/symphony-rtc/symphony/test/network"
)

const (
	bucketName = "snapshots"
	region     = "us-east-1"
	accessKey  = "symphony-test"
	secretKey  = "only-for-tests"
)

// S3 starts versitygw, a real S3 server that keeps objects as files.
func S3(t testing.TB) *Bucket {
	t.Helper()
	return S3At(t, network.Place{})
}

// S3At is S3 at a place, where its port is 9000.
func S3At(t testing.TB, place network.Place) *Bucket {
	t.Helper()
	program := tool(t, "versitygw", "s3", "bin", "tools", "versitygw")
	s := newServer(t, place, "9000", "/")
	meta := filepath.Join(filepath.Dir(s.Dir), "meta") // beside the files: not every file system has extended attributes
	for _, dir := range []string{meta, filepath.Join(s.Dir, bucketName)} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.command = func() *exec.Cmd {
		cmd := exec.Command(program, "--port", s.Addr, "--region", region, "--quiet", "posix", "--sidecar", meta, s.Dir)
		cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+accessKey, "ROOT_SECRET_KEY="+secretKey)
		return cmd
	}
	return s3Bucket(t, s)
}

// FakeS3 starts gofakes3, which stands for the S3 servers that implement less.
func FakeS3(t testing.TB) *Bucket {
	t.Helper()
	program := tool(t, "gofakes3", "s3", "bin", "tools", "gofakes3")
	s := newServer(t, network.Place{}, "", "/")
	s.command = func() *exec.Cmd {
		return exec.Command(program, "-host", s.Addr, "-backend", "bolt", "-bolt.db", filepath.Join(s.Dir, "objects.db"),
			"-initialbucket", bucketName, "-quiet")
	}
	return s3Bucket(t, s)
}

func s3Bucket(t testing.TB, s *Server) *Bucket {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return &Bucket{
		Server: s, Durable: true,
		URL: "s3://" + bucketName + "/test?endpoint=http://" + s.Addr + "&region=" + region + "&path_style=true",
		Env: []string{"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey},
	}
}
