package main

import (
	"fmt"
	"strings"
)

const pagePath = "docs/dependencies.md"

// Measured with Go 1.26.8 for linux/amd64: `go build -trimpath` without -s -w, then
// the sizes of code and data by `go tool nm -size`, summed by module.
const (
	binaryMB  = 43.3 // as released, stripped
	archiveMB = 14.4 // the same, by gzip -9
	codeMB    = 21.9 // all that has a name
	goMB      = 8.0  // tables that belong to no module among it
	shaleMB   = 2.9
)

// large are the modules of 0.2 MB or more, and why each is there.
var large = []struct {
	path string
	mb   float64
	why  string
}{
	{"github.com/moby/buildkit", 2.2, "its parser and compiler judge every file and every fix; its client builds for `shale verify`"},
	{"gitlab.com/gitlab-org/api/client-go", 1.8, "`shale review` on GitLab"},
	{"github.com/google/go-github/v92", 1.2, "`shale review` on GitHub"},
	{"google.golang.org/protobuf", 0.9, "BuildKit's graphs are protocol buffers, and so is what its client speaks"},
	{"google.golang.org/grpc", 0.6, "BuildKit's client, for `shale verify`"},
	{"github.com/zclconf/go-cty", 0.5, "the values of bake files in HCL"},
	{"github.com/hashicorp/hcl/v2", 0.5, "reads `docker-bake.hcl`"},
	{"code.gitea.io/sdk/gitea", 0.3, "`shale review` on Gitea and Forgejo"},
	{"golang.org/x/text", 0.2, "Unicode's normal forms, for HCL"},
	{"golang.org/x/net", 0.2, "HTTP/2 for gRPC"},
	{"golang.org/x/crypto", 0.2, "BuildKit's client brings it: SSH, and the signatures of its sessions"},
	{"github.com/containerd/containerd/v2", 0.2, "BuildKit's client exports to its content store"},
	{"go.opentelemetry.io/otel", 0.2, "BuildKit's client brings it; Shale turns no tracing on"},
	{"github.com/klauspost/compress", 0.2, "layers in zstd and gzip, for `shale verify`"},
	{"go.yaml.in/yaml/v3", 0.2, "reads pnpm's and Yarn's lock files, `compose.yaml`, and `.hadolint.yaml`"},
}

// page is docs/dependencies.md.
func page(mods []module) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, `# What is in the binary

One static program: %.1f MB on Linux on amd64, %.1f MB to download. Of the %.1f MB of code and data that have a name, Go's runtime, its standard library and tables are %.1f MB, Shale's own code is %.1f MB; what has none is tables of lines, types and strings, which belong to no module alone. The modules of 0.2 MB or more (measured with `+"`go tool nm -size`"+`, Go 1.26.8):

| module | MB | why it is there |
| --- | --: | --- |
`, binaryMB, archiveMB, codeMB, goMB, shaleMB)
	for _, l := range large {
		known := false
		for _, m := range mods {
			known = known || m.Path == l.path
		}
		if !known {
			return "", fmt.Errorf("%s is no longer compiled in: take it out of large", l.path)
		}
		fmt.Fprintf(&b, "| %s | %.1f | %s |\n", l.path, l.mb, l.why)
	}
	count := map[string]int{}
	for _, m := range mods {
		count[m.licence]++
	}
	fmt.Fprintf(&b, `
## Licences

All %d modules that are compiled in on some system; those of tests and of the tools that make releases are not among them. Each licence allows a program under Apache-2.0 to have it inside, if its text goes along: a release ships them all in `+"`NOTICES.txt`"+`. MPL-2.0 also asks to tell where the source is: it is the module itself, unchanged.

| module | version | licence |
| --- | --- | --- |
`, len(mods))
	for _, m := range mods {
		path := m.Path
		if m.only != nil {
			path += " (" + strings.Join(m.only, ", ") + ")"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", path, m.Version, m.licence)
	}
	return b.String(), nil
}
