package config

import "testing"

func TestFrontendOf(t *testing.T) {
	for builder, want := range map[string]string{
		"": "", "podman": "1.0", "kaniko": "1.0",
		"docker-19.03": "1.0", "docker-20.10": "1.2", "docker-23": "1.4", "docker-24.0.7": "1.5", "docker-29": "1.14",
		"0.5": "1.0", "0.8": "1.2", "v0.12.5": "1.6", "buildkit-0.27": "1.21", "1.0": "1.27",
	} {
		if got := frontendOf(builder); got != want {
			t.Errorf("%q: %q, want %q", builder, got, want)
		}
	}
}
