package facts

import (
	"fmt"
	"strconv"
	"strings"
)

// A Slimmer is the small variant of an official image's tag, of the same release.
type Slimmer struct {
	Image    string // "python:3.12-slim"
	Bytes    int64  // how much smaller it is; 0 where that was not measured for the release
	Measured string // what was measured: "1020 MB against 124 MB, python:3.12 on Debian 12"
	Runtime  bool   // it is the runtime of a development kit: what it lacks are the kit's programs
}

// A Variants is how an image names its variants, and what was measured of them.
type Variants struct {
	Image        string
	Major, Minor int             // the oldest version that the figures stand for
	Figures      []VariantFigure // the first one is what is said of tags that name no system
}

// A VariantFigure is the size of both variants of a release, uncompressed, as the
// layers lie on a disk.
type VariantFigure struct {
	On         string // the system's name in tags: "bookworm"
	Of         string // what was measured: "python:3.12 on Debian 12"
	Full, Slim int64  // bytes
}

// VariantTable holds what docker-library/repo-info, which scans the official images,
// told of linux/amd64 from July to September 2026: "Virtual Size (total size of all
// layers on-disk)" in repos/IMAGE/local/TAG.md, to two decimals of a GB or MB. Images of
// which it held no pair of one release are left out.
var VariantTable = []Variants{
	{"python", 3, 10, []VariantFigure{
		{"trixie", "python:3.12 on Debian 13", 1_110_000_000, 119_420_000},
		{"bookworm", "python:3.12 on Debian 12", 1_020_000_000, 124_300_000},
	}},
	{"node", 20, 0, []VariantFigure{
		{"bookworm", "node:22 on Debian 12", 1_130_000_000, 227_330_000},
		{"trixie", "node:22 on Debian 13", 1_220_000_000, 231_410_000},
	}},
	{"ruby", 3, 2, []VariantFigure{
		{"bookworm", "ruby:3.3 on Debian 12", 996_320_000, 149_710_000},
	}},
	{"eclipse-temurin", 17, 0, []VariantFigure{
		{"noble", "eclipse-temurin:17 on Ubuntu 24.04", 421_650_000, 263_880_000},
	}},
}

// Slimmer returns the small variant of the same release, if the tag is a full one's and
// names a release.
func (b *Base) Slimmer() (Slimmer, bool) {
	if b.Digest || b.Version == "" {
		return Slimmer{}, false
	}
	for _, v := range VariantTable {
		if v.Image != b.Name {
			continue
		}
		tag, on, ok := v.slim(b.Version, strings.TrimPrefix(b.Tag, b.Version))
		if !ok {
			return Slimmer{}, false
		}
		out := Slimmer{Image: b.Name + ":" + tag, Runtime: v.Image == "eclipse-temurin"}
		for i, f := range v.Figures {
			if on != f.On && (on != "" || i > 0) {
				continue
			}
			out.Measured = f.String()
			if b.AtLeast(v.Major, v.Minor) || b.Version == strconv.Itoa(v.Major) {
				out.Bytes = f.Less()
			}
		}
		return out, true
	}
	return Slimmer{}, false
}

// slim is the tag of the small variant, and the system that the full one names. rest is
// what stands behind the version.
func (v Variants) slim(version, rest string) (tag, on string, ok bool) {
	if v.Image == "eclipse-temurin" {
		build := ""
		if strings.HasPrefix(rest, "_") { // 17.0.9_9-jdk
			end := strings.IndexByte(rest+"-", '-')
			build, rest = rest[:end], rest[end:]
		}
		rest = strings.TrimPrefix(rest, "-jdk")
		on = strings.TrimPrefix(rest, "-")
		if on != "" && codenames[on][0] != "ubuntu" && on != "alpine" {
			return "", "", false
		}
		return version + build + "-jre" + rest, on, true
	}
	on = strings.TrimPrefix(rest, "-")
	if on != "" && (!strings.HasPrefix(rest, "-") || codenames[on][0] != "debian") {
		return "", "", false
	}
	switch {
	case on == "":
		return version + "-slim", "", true
	case v.Image == "node":
		return version + rest + "-slim", on, true
	}
	return version + "-slim" + rest, on, true
}

// Less is how much smaller the small variant is, as far as both figures are exact.
func (f VariantFigure) Less() int64 { return (f.Full - f.Slim) / 10_000_000 * 10_000_000 }

// String tells both sizes and of what: "1020 MB against 124 MB, python:3.12 on Debian 12".
func (f VariantFigure) String() string {
	return megabytes(f.Full) + " against " + megabytes(f.Slim) + ", " + f.Of
}

func megabytes(bytes int64) string { return fmt.Sprintf("%.0f MB", float64(bytes)/1e6) }
