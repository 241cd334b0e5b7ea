package server

import (
	"context"
	"crypto/sha256"
	_ "embed" // pom.xml
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed pom.xml
var pom []byte

// InstallKafka returns the folder of Kafka's jars below cache, an absolute path. The first call fetches them with Maven, and so
// does the first one after pom.xml has changed.
func InstallKafka(ctx context.Context, cache string) (string, error) {
	for _, program := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("%s is missing: Apache Kafka needs Java 17 or newer, and Maven to fetch it (Debian, Ubuntu: apt-get install openjdk-17-jre-headless maven)", program)
		}
	}
	sum := sha256.Sum256(pom)
	libs, err := filepath.Abs(filepath.Join(cache, "kafka-"+hex.EncodeToString(sum[:4])))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(libs); err == nil {
		return libs, nil
	}
	if err := os.MkdirAll(filepath.Dir(libs), 0o755); err != nil {
		return "", err
	}
	// The folder appears when it is complete; another run that was faster is as good.
	work, err := os.MkdirTemp(filepath.Dir(libs), "install-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(work) }() // nobody looks there
	if err := os.WriteFile(filepath.Join(work, "pom.xml"), pom, 0o644); err != nil {
		return "", err
	}
	mvn := exec.CommandContext(ctx, "mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=libs", "-DincludeScope=runtime")
	mvn.Dir = work
	if out, err := mvn.CombinedOutput(); err != nil {
		return "", fmt.Errorf("fetch Apache Kafka with Maven: %w: %s", err, out)
	}
	if err := os.Rename(filepath.Join(work, "libs"), libs); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	return libs, nil
}

// InstallPackage installs one of Debian's packages, when we are root on a Debian or a relative; elsewhere the error says
// what to do.
func InstallPackage(ctx context.Context, name string) error {
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return fmt.Errorf("%s is missing: install it (as root on Debian, Ubuntu: apt-get install %s)", name, name)
	}
	install := func() ([]byte, error) {
		cmd := exec.CommandContext(ctx, "apt-get", "install", "-y", "--no-install-recommends", name)
		// RUNLEVEL=1 keeps the package from starting a server of its own on the usual port.
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
		return cmd.CombinedOutput()
	}
	if _, err := install(); err == nil {
		return nil
	}
	// A fresh container has no package lists, an old one has lists of packages that are gone.
	if out, err := exec.CommandContext(ctx, "apt-get", "update").CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get update, to install %s: %w: %s", name, err, out)
	}
	if out, err := install(); err != nil {
		return fmt.Errorf("apt-get install %s: %w: %s", name, err, out)
	}
	return nil
}
