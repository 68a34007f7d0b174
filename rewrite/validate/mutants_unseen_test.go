package validate

import (
	"slices"

	"github.com/shale-build/shale/analysis/change"
)

// wrongUnseen are clean-ups and mounts of what a line reaches by a word that does not spell
// it out.
var wrongUnseen = slices.Concat(
	reaching("ruby:3.3", "RUN gem install rake", " && rm -rf /usr/local/bundle/cache/*.gem", change.GemArchives,
		`RUN cp -r "$GEM_HOME/cache" /gems`,
		`RUN cp -r "$GEM_HOME"/cache/*.gem /gems/`,
		`RUN cd $GEM_HOME && tar -cf /gems.tar cache`,
		`RUN cp -r "${GEM_HOME%/}/cache" /gems`,
		`RUN cp -r "$(gem env gemdir)/cache" /gems`,
		"RUN cp -r `gem env gemdir`/cache /gems",
		`RUN ln -s $GEM_HOME/cache /gems`,
		`RUN D=$(gem env gemdir) && cp -r "$D/cache" /gems`,
		`RUN gem env gemdir | while read d; do cp -r "$d/cache" /gems; done`,
		`RUN tar --directory="$GEM_HOME" -cf /gems.tar cache`,
		`RUN [ -d "$GEM_HOME/cache/x" ] || exit 1`,
	),
	reaching("node:20", "RUN npm install -g serve", " && npm cache clean --force", change.NpmCache,
		`RUN cp -r ~/.npm /cache`,
		`RUN tar -C"$(npm root -g)/../../../root" -cf /cache.tar x`,
	),
	reaching("ruby:3.3", "RUN apt-get update && apt-get install -y x", " && rm -rf /var/lib/apt/lists/*", change.AptLists,
		`RUN cp -r "$(apt-config dump | sed -n 's/^Dir::State::lists //p')" /x`,
	),
)

// reaching makes of each line one that stands behind a clean-up.
func reaching(base, install, clean string, k change.Cleanup, lines ...string) (out []rewriting) {
	for _, line := range lines {
		out = append(out, rewriting{name: "a clean-up before " + line, before: from(base, install, line), changes: cleaned(k),
			edits: [][2]string{{install + "\n", install + clean + "\n"}}, reason: "may reach the folder"})
	}
	return out
}

// wrongReach are mounts over what a line reaches so.
var wrongReach = []rewriting{
	{name: "a mount before a RUN without it that a variable of the image leads there", before: from("golang:1.24", "ENV CGO_ENABLED=0", "RUN go mod download", "RUN cp -r $GOPATH/pkg/mod/x@v1/schema /schema"), changes: goMounts,
		edits: [][2]string{{"RUN go mod", "RUN --mount=type=cache,target=/go/pkg/mod go mod"}}, reason: "may reach the folder"},
	{name: "a mount before a RUN without it that goes where a command says", before: from("node:20", "RUN npm install -g serve", "RUN cd $(npm config get cache) && cp -r _cacache /x"), changes: npmMount,
		edits: [][2]string{{"RUN npm", "RUN --mount=type=cache,target=/root/.npm npm"}}, reason: "may reach the folder"},
	{name: "a mount with a link into it", before: from("golang:1.24", "ENV CGO_ENABLED=0", `RUN go mod download && ln -s "$(go list -m -f x example.com/x)/schema" /schema`), changes: goMounts,
		edits: [][2]string{{"RUN go mod", "RUN --mount=type=cache,target=/go/pkg/mod go mod"}}, reason: "may reach the mount"},
	{name: "a mount over what a variable of the image led to", before: from("golang:1.24", "ENV CGO_ENABLED=0", "RUN tar -xf /x.tar -C $GOPATH/pkg/mod", "RUN go mod download"), changes: goMounts,
		edits: [][2]string{{"RUN go mod", "RUN --mount=type=cache,target=/go/pkg/mod go mod"}}, reason: "hides what"},
	{name: "a mount over what is unpacked where a command says", before: from("node:20", `RUN tar -xf /x.tar -C "$(npm config get cache)"`, "RUN npm ci"), changes: npmMount,
		edits: [][2]string{{"RUN npm ci", "RUN --mount=type=cache,target=/root/.npm npm ci"}}, reason: "hides what"},
	{name: "a mount with what a test said before", before: from("golang:1.24", "ENV CGO_ENABLED=0", "RUN go test ./..."), changes: goMounts,
		edits: [][2]string{{"RUN go", "RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build go"}}, reason: "what a test said"},
	{name: "a mount with modules that nobody compares", before: from("golang:1.24", "ENV CGO_ENABLED=0 GOPRIVATE=example.com", "RUN go mod download"), changes: goMounts,
		edits: [][2]string{{"RUN go", "RUN --mount=type=cache,target=/go/pkg/mod go"}}, reason: "may have go fetch what can change"},
	{name: "a mount with modules that a call compares with no sum", before: from("golang:1.24", "ENV CGO_ENABLED=0", "RUN GOSUMDB=off go mod download"), changes: goMounts,
		edits: [][2]string{{"RUN GO", "RUN --mount=type=cache,target=/go/pkg/mod GO"}}, reason: "may have go fetch what can change"},
	{name: "a mount with modules that a setting has fetched anyhow", before: from("golang:1.24", "ENV CGO_ENABLED=0", "RUN go env -w GOPROXY=direct", "RUN go mod download"), changes: goMounts,
		edits: [][2]string{{"RUN go mod", "RUN --mount=type=cache,target=/go/pkg/mod go mod"}}, reason: "may have go fetch what can change"},
	{name: "a clean-up before a RUN that a WORKDIR by a variable of the image has stand there", before: from("ruby:3.3", "RUN gem install rake", "WORKDIR ${GEM_HOME}", "RUN cp -r cache /gems"), changes: cleaned(change.GemArchives),
		edits: [][2]string{{"rake\n", "rake && rm -rf /usr/local/bundle/cache/*.gem\n"}}, reason: "WORKDIR leads"},
	{name: "a mount over where a WORKDIR by a variable of the image leads", before: from("golang:1.24", "ENV CGO_ENABLED=0", "RUN go mod download x@v1", "WORKDIR $GOPATH/pkg/mod/x@v1", "RUN go build ."), changes: goMounts,
		edits: [][2]string{{"RUN go mod", "RUN --mount=type=cache,target=/go/pkg/mod go mod"}, {"RUN go build", "RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build go build"}}, reason: "WORKDIR leads"},
}
