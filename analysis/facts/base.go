package facts

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/shale-build/shale/analysis/builds"
	"github.com/shale-build/shale/analysis/stage"
)

// A Base is a well-known outside image.
type Base struct {
	Name    string // "python"
	Version string // the version that its tag starts with: "3.12"; "" for none
	Tag     string // "3.12-slim-bookworm"; "" for none
	Digest  bool   // pinned to a digest, which may be older than the tag says
	Certain bool   // no build argument can change it
	Named   bool   // nor, at least, make another image of it than one with another tag
}

// official lists images of Docker Hub's library whose environment is known not
// to touch the caches of package managers, but for what pkgmgr.Cache.In has. Source: their Dockerfiles in
// docker-library's repositories.
var official = map[string]bool{
	"alpine": true, "debian": true, "ubuntu": true, "python": true, "node": true, "golang": true, "ruby": true, "php": true,
	"buildpack-deps": true, "httpd": true, "nginx": true, "postgres": true, "redis": true, "rust": true, "openjdk": true, "gcc": true, "composer": true,
	"fedora": true, "centos": true, "amazonlinux": true, "rockylinux": true, "almalinux": true, "oraclelinux": true,
}

// distributions are those of them that set no WORKDIR, in any version: a RUN starts in /.
var distributions = map[string]bool{
	"alpine": true, "debian": true, "ubuntu": true, "buildpack-deps": true,
	"fedora": true, "centos": true, "amazonlinux": true, "rockylinux": true, "almalinux": true, "oraclelinux": true,
}

// InRoot reports whether a RUN starts in / because nobody says otherwise.
func (f *File) InRoot(r *Run) bool {
	return !f.setsWorkdir(r.In) && f.plainBase(r.Stage) && distributions[f.Base(r.Stage).Name]
}

// Base returns the well-known image that a stage stands on, or nil. Of its variants for
// Windows nothing is known.
func (f *File) Base(s *stage.Stage) *Base {
	if b := f.Library(s); b != nil && official[b.Name] && !s.Windows {
		return b
	}
	return nil
}

// Library returns the image of Docker Hub's library that a stage stands on, whether
// anything more is known of it or not; nil for an image of somebody else's.
func (f *File) Library(s *stage.Stage) *Base {
	if s == nil {
		return nil
	}
	base := s.Root().Base
	if !base.Known() && base.Is != stage.Overridable {
		return nil
	}
	name, tag, digest := Image(base.Text)
	if name == "" || strings.Contains(name, "/") || f.replaces(base.Text) != nil {
		return nil
	}
	written, rest, _ := strings.Cut(s.Root().From.Args[0].Value, ":")
	named := base.Known() || rest != "" && !strings.Contains(written, "$")
	return &Base{Name: name, Version: versionOf(name, tag), Tag: tag, Digest: digest, Certain: base.Known(), Named: named}
}

// replaces finds the build that puts something else in the place of an image or a stage.
func (f *File) replaces(name string) *builds.Build {
	for i := range f.opts.Builds {
		if b := &f.opts.Builds[i]; b.Replaces(name) {
			return b
		}
	}
	return nil
}

// Replaced says which build puts another context in the place of one of the file's own
// stages, whose lines then do not run; "" for none.
func (f *File) Replaced() string {
	for _, s := range f.Stages().Stages {
		if b := f.replaces(s.Name); s.Name != "" && b != nil {
			return fmt.Sprintf("%s builds %s with another context in the place of the stage %s", b.File, b.Name, s.Name)
		}
	}
	return ""
}

// Image takes the name of an image apart; of one of Docker Hub's library it is the short
// one. tag is "" where there is none, digest tells whether there is one.
func Image(ref string) (name, tag string, digest bool) {
	name, _, digest = strings.Cut(ref, "@")
	if at := strings.LastIndexByte(name, ':'); at > strings.LastIndexByte(name, '/') {
		name, tag = name[:at], name[at+1:]
	}
	return strings.TrimPrefix(strings.TrimPrefix(name, "docker.io/"), "library/"), tag, digest
}

// versionOf is the version in an image's tag: centos has aliases such as centos7.
func versionOf(name, tag string) string {
	if name == "centos" {
		tag = strings.TrimPrefix(tag, name)
	}
	return version(tag)
}

func version(tag string) string {
	end := strings.IndexFunc(tag, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if end < 0 {
		end = len(tag)
	}
	return strings.TrimSuffix(tag[:end], ".")
}

// AtLeast compares dotted versions; an unknown one is not at least anything.
func (b *Base) AtLeast(major, minor int) bool {
	parts := strings.Split(b.Version, ".")
	have, err := strconv.Atoi(parts[0])
	if err != nil {
		return false
	}
	if have != major {
		return have > major
	}
	if len(parts) < 2 {
		return false // "3" alone may be any 3.x
	}
	second, err := strconv.Atoi(parts[1])
	return err == nil && second >= minor
}

// ApkFetches reports whether "apk add" is known to fetch a missing index by
// itself: since Alpine 3.8 (docker-library/python#330). Before, it fails.
func (f *File) ApkFetches(s *stage.Stage) bool {
	b := f.Base(s)
	if b == nil || !b.Certain {
		return false
	}
	if b.Name == "alpine" {
		return !b.Digest && (b.Tag == "" || b.Tag == "latest" || b.Tag == "edge" || b.Tag == "3") || b.AtLeast(3, 8)
	}
	_, release, ok := strings.Cut(b.Tag, "alpine")
	return ok && (&Base{Version: version(release)}).AtLeast(3, 8)
}
