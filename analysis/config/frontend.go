package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Frontend returns the version of docker/dockerfile, such as "1.4", built into the
// builder that the configuration names, or one that is surely not newer. "" is for none
// named.
func (c *Config) Frontend() string { return frontendOf(c.Builder()) }

func frontendOf(builder string) string {
	// The first BuildKit inside each Docker release, as minor versions of 0.
	inDocker := []struct{ docker, buildkit int }{{20, 8}, {23, 10}, {24, 11}, {25, 12}, {26, 13}, {27, 14}, {28, 20}}

	minor := 0
	version, isDocker := strings.CutPrefix(builder, "docker-")
	major, rest, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(version, "buildkit-"), "v"), ".")
	first, err := strconv.Atoi(major)
	switch {
	case builder == "":
		return ""
	case err != nil: // podman and kaniko have frontends of their own
	case isDocker:
		for _, in := range inDocker {
			if first >= in.docker {
				minor = in.buildkit
			}
		}
	case first == 0:
		next, _, _ := strings.Cut(rest, ".")
		minor, _ = strconv.Atoi(next)
	default:
		minor = 33 // a BuildKit after those that count from 0
	}
	// BuildKit 0.8 came with docker/dockerfile 1.2, and they went on side by side.
	return fmt.Sprintf("1.%d", max(0, minor-6))
}
