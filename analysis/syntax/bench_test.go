package syntax_test

import (
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/shale-build/shale/analysis/syntax"
)

// stage is a stage as people write it, to be repeated.
const stage = `# the service
FROM --platform=$BUILDPLATFORM golang:1.22-alpine AS build
ARG VERSION=dev
ENV CGO_ENABLED=0 \
    GOFLAGS="-trimpath -mod=readonly"
WORKDIR /src
RUN apk add --no-cache \
      git \
      # for the tests
      make \
      openssh-client && \
    git config --global user.name "build"
COPY --link go.mod go.sum ./
RUN --mount=type=cache,target=/root/.cache/go-build \
    --mount=type=cache,target=/go/pkg/mod \
    go mod download
COPY . .
RUN <<EOF
set -eux
go build -ldflags "-X main.version=$VERSION" -o /out/service ./cmd/service
EOF
HEALTHCHECK --interval=30s CMD ["/out/service", "health"]
EXPOSE 8080 9090/tcp
LABEL org.opencontainers.image.source="https://example.com/service" \
      org.opencontainers.image.licenses=Apache-2.0
ENTRYPOINT ["/out/service"]
CMD ["serve", "--listen", ":8080"]

`

// texts are BuildKit's own test files, a file of 1,000 lines, and the same with a
// line that BuildKit refuses.
func texts(b *testing.B) map[string][]string {
	own := make([]string, 0, 40)
	for _, text := range testfiles(b, "testfiles/*") {
		own = append(own, text)
	}
	long := strings.Repeat(stage, 36)
	return map[string][]string{
		"testfiles": own,
		"thousand":  {long},
		"refused":   {long + "ENV nope\n" + long},
	}
}

func BenchmarkParse(b *testing.B) {
	bench(b, func(text string) { syntax.Parse(text) })
}

// BenchmarkBuildKit is what BenchmarkParse is held against.
func BenchmarkBuildKit(b *testing.B) {
	lint := linter.New(&linter.Config{SkipAll: true})
	bench(b, func(text string) {
		if result, err := parser.Parse(strings.NewReader(text)); err == nil {
			_, _, _ = instructions.Parse(result.AST, lint)
		}
	})
}

func bench(b *testing.B, parse func(string)) {
	for name, files := range texts(b) {
		b.Run(name, func(b *testing.B) {
			size := 0
			for _, text := range files {
				size += len(text)
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				for _, text := range files {
					parse(text)
				}
			}
		})
	}
}
