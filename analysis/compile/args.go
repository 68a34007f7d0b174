package compile

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/lazyregexp"
)

// Arguments reports whether the text declares an ARG that Options.Args gives another
// value: those that BuildKit itself sets have their own.
func (d *Dockerfile) Arguments() bool {
	in := d.declared()
	return len(in.args) > 0 && !maps.Equal(in.values(Options{}), in.values(Options{Args: true}))
}

// SameValues reports whether two texts are compiled with the same build arguments.
func (d *Dockerfile) SameValues(other *Dockerfile, o Options) bool {
	return maps.Equal(d.declared().values(o), other.declared().values(o))
}

// Platforms lists the target platforms that a text must be compiled for to see all
// that it can become: more than one where a FROM depends on the platform.
func (d *Dockerfile) Platforms() []string {
	uses := func(s string) bool {
		return strings.Contains(s, "TARGET") || strings.Contains(s, "BUILD")
	}
	in := d.declared()
	several := slices.ContainsFunc(in.froms, uses) || slices.ContainsFunc(in.plats, uses)
	for _, a := range in.args {
		// ARG ARCH=${TARGETARCH}, then FROM …:${ARCH}
		several = several || a.meta && a.value != nil && uses(*a.value)
	}
	if several {
		return []string{"linux/amd64", "linux/arm64"}
	}
	return []string{"linux/amd64"}
}

// values makes the build arguments. Without Args only an ARG without a default
// gets one, and only if a FROM needs it: it could not be built otherwise.
func (d declarations) values(o Options) map[string]string {
	args, froms, plats := d.args, d.froms, d.plats
	out := map[string]string{}
	defaults := map[string]string{}
	for _, a := range args {
		if a.value != nil {
			defaults[a.name] = *a.value
		} else if _, ok := defaults[a.name]; !ok {
			defaults[a.name] = ""
		}
	}
	for _, a := range args {
		platform := mentions(plats, a.name)
		switch {
		case automatic[a.name] || o.Args && pinned[a.name]:
			continue
		case !o.Args && (!a.meta || defaults[a.name] != "" || !platform && !mentions(froms, a.name)):
			continue
		case platform:
			out[a.name] = "linux/arm64"
		default:
			out[a.name] = value(a.name, defaults[a.name], a.meta && mentions(froms, a.name), o.Shape)
		}
	}
	return out
}

// automatic are the arguments that BuildKit itself sets from the platform.
var automatic = map[string]bool{
	"BUILDPLATFORM": true, "BUILDOS": true, "BUILDOSVERSION": true, "BUILDARCH": true, "BUILDVARIANT": true,
	"TARGETPLATFORM": true, "TARGETOS": true, "TARGETOSVERSION": true, "TARGETARCH": true, "TARGETVARIANT": true,
	"TARGETSTAGE": true,
}

// pinned are arguments that mean something to BuildKit itself.
var pinned = map[string]bool{
	"SOURCE_DATE_EPOCH": true, "BUILDKIT_SYNTAX": true,
	"BUILDKIT_SBOM_SCAN_CONTEXT": true, "BUILDKIT_SBOM_SCAN_STAGE": true,
}

func mentions(words []string, name string) bool {
	return slices.ContainsFunc(words, func(w string) bool {
		for _, m := range variable.FindAllStringSubmatch(w, -1) {
			if m[1] == name {
				return true
			}
		}
		return false
	})
}

var (
	digits   = lazyregexp.New(`^[0-9]+$`)
	platform = lazyregexp.New(`^(linux|windows|darwin|freebsd)/[a-z0-9]+(/v[0-9]+)?$`)
	checksum = lazyregexp.New(`^sha(256|384|512):[0-9a-f]+$`)
)

// value makes a value of an ARG's own that the places where such a default may
// stand will take. It depends on nothing but what two texts that declare the same have
// in common. Of a FROM's it makes another image, not another tag of the one by default.
func value(name, def string, from bool, shape Shape) string {
	h := fnv.New32a()
	h.Write([]byte(name))
	sum := h.Sum32()
	// Digits below eight: a port, a user number and a file mode.
	number := fmt.Sprintf("1%d%d%d", sum%8, sum/8%8, sum/64%8)
	if number == def {
		number = fmt.Sprintf("2%d%d%d", sum%8, sum/8%8, sum/64%8)
	}
	word := "arg-" + strings.Trim(strings.ToLower(strings.ReplaceAll(name, "_", "-")), "-")
	switch shape {
	case Numeric:
		return number
	case Word:
		return word
	}
	def = strings.Trim(def, `"'`)
	switch {
	case digits.MatchString(def):
		return number
	case platform.MatchString(def):
		if def == "linux/arm64" {
			return "linux/amd64"
		}
		return "linux/arm64"
	case checksum.MatchString(def):
		return def[:len(def)-8] + fmt.Sprintf("%08x", sum)
	case def == "" || strings.ContainsAny(def, "$ "):
		return word
	}
	if from {
		folder := strings.LastIndexByte(def, '/') + 1
		if at := strings.IndexAny(def[folder:], ":@"); at >= 0 {
			return def[:folder+at] + "-" + word + def[folder+at:]
		}
	}
	return def + "-" + word
}
