package validate

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/shale-build/shale/analysis/syntax"
)

// builtin is the version of docker/dockerfile that Docker 23, the first release
// that builds with BuildKit by default, has built in: it holds BuildKit v0.10.6,
// whose frontend is 1.4.
const builtin = "1.4"

// since names the first version of docker/dockerfile that knows a feature, from
// the tables of "Minimum Dockerfile version" in BuildKit's reference and its
// release notes. Flags stand as "run --mount".
var since = map[string]string{
	"run --mount": "1.2", "run --network": "1.3", "run --security": "1.20", "run --device": "1.27",
	"copy --chmod": "1.2", "add --chmod": "1.2", "copy --link": "1.4", "add --link": "1.4",
	"copy --parents": "1.20", "copy --exclude": "1.19", "add --exclude": "1.19",
	"add --keep-git-dir": "1.1", "add --checksum": "1.6", "add --unpack": "1.17",
	"healthcheck --start-interval": "1.6",
	"heredoc":                      "1.4", "symbolic chmod": "1.14", "# check": "1.8",
	"copy --from": "1.0", "copy --chown": "1.0", "add --chown": "1.0", "from --platform": "1.0",
	"healthcheck --interval": "1.0", "healthcheck --timeout": "1.0", "healthcheck --start-period": "1.0", "healthcheck --retries": "1.0",
}

// frontend holds a rewrite to what the frontend knows that will read it: BuildKit
// compiled into this program accepts what an older one refuses.
func frontend(was, is *syntax.Document, o Options) *Rejection {
	version, r := readBy(is, o)
	if r != nil {
		_, of := readBy(was, o)
		r.Before = of != nil
		return r
	}
	used := features(was)
	for _, f := range features(is) {
		if slices.Contains(used, f) {
			continue
		}
		first, ok := since[f]
		if !ok {
			return reject("it is not known since which version of docker/dockerfile there is %s", f)
		}
		if version != newest && older(version, first) {
			return reject("%s needs docker/dockerfile %s, and the file is read by %s", f, first, version)
		}
	}
	return nil
}

// newest is a version that knows everything.
const newest = "newest"

// readBy is the version of docker/dockerfile that reads a document.
func readBy(d *syntax.Document, o Options) (string, *Rejection) {
	pinned, ok := d.Directive("syntax")
	if !ok {
		return cmp.Or(o.Frontend, builtin), nil
	}
	image, _, _ := strings.Cut(strings.TrimSpace(pinned), " ")
	image, digest, _ := strings.Cut(image, "@")
	image = strings.TrimPrefix(image, "docker.io/")
	name, tag, _ := strings.Cut(image, ":")
	if name != "docker/dockerfile" && name != "docker/dockerfile-upstream" {
		return "", reject("the file is read by the frontend %s, which is not known", pinned)
	}
	if tag == "" && digest != "" {
		return "", reject("the version of the frontend %s is not known", pinned)
	}
	tag = strings.TrimSuffix(strings.TrimSuffix(tag, "-labs"), "-experimental")
	tag, _, _ = strings.Cut(tag, "-rc")
	switch tag {
	case "", "1", "latest", "labs", "master":
		return newest, nil
	case "experimental":
		return "1.0", nil
	}
	if _, ok := number(tag); !ok {
		return "", reject("the version of the frontend %s is not known", pinned)
	}
	return tag, nil
}

func number(version string) ([]int, bool) {
	var out []int
	for _, part := range strings.Split(version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, false
		}
		out = append(out, n)
	}
	return out, true
}

func older(a, b string) bool {
	x, _ := number(a)
	y, _ := number(b)
	for len(x) < len(y) {
		x = append(x, 0)
	}
	return slices.Compare(x, y) < 0
}

// features lists what a document uses that not every frontend knows.
func features(d *syntax.Document) []string {
	var out []string
	note := func(f string) {
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	for _, in := range d.Instructions {
		for at := in; at != nil; at = at.Sub {
			for _, f := range at.Flags {
				note(at.Name + " --" + f.Name)
				if f.Name == "chmod" && strings.Trim(f.Value, "01234567") != "" {
					note("symbolic chmod")
				}
			}
			if len(at.Heredocs) > 0 {
				note("heredoc")
			}
		}
	}
	if _, ok := d.Directive("check"); ok {
		note("# check")
	}
	return out
}
