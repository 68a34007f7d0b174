# make demo     build shale and run it on a real Dockerfile
# make test     install what the tests need, and pass them all
# make test-deep  thousands of random sequences, and builds that take minutes
# make consumers  hold what shale writes to the programs that read it, and what it knows of
#               package managers to real ones, fetched from the Go proxy and from npm
# make test-gitea  hold shale review to a real Gitea, built from the Go proxy
# make vsix     package the VS Code extension as bin/shale.vsix
# make test-vscode  drive the real VS Code, installed from npm, in Debian's Chromium
# make docs     write the pages that are generated: docs/rules, the README's example,
#               docs/dependencies.md
# make docs-screenshots  take the pictures of editors/vscode/README.md anew
# make figures  measure the README's figures anew, with a BuildKit of its own
# make bench    measure against BuildKit's parser, and the server's edits
# make bench-peer  the server's edits beside those of the server that editors bring, from npm
# make speed DIR=…  time and memory on the Dockerfiles below DIR, beside BuildKit's parser and
#               linters from npm: docs/speed.md
# make release-check  a release for this platform and its packages, published nowhere;
#               with ALL=1 for all platforms
# make soak     a random session of edits and requests for DURATION (20m): memory stays flat
# make corpus DIR=…  check and fix the Dockerfiles below DIR, in memory, and tell what came out wrong
# make vulncheck  known vulnerabilities in what is compiled in, by Go's database as the
#               module proxy has it
# make fuzz     each fuzz target for FUZZTIME (30s)

SHELL := /bin/bash
GO ?= go
BIN := bin/shale
DEMO ?= testdata/demo/Dockerfile
export CGO_ENABLED ?= 0
# One set of flags for the binary, the tests and their engine: what they share is
# compiled once.
export GOFLAGS ?= -trimpath

.PHONY: all build demo test tools vet test-go test-nvim test-deep test-gitea vsix test-vscode consumers docs docs-screenshots figures bench bench-peer speed corpus soak release-check vulncheck fuzz clean

all: build

build: $(BIN)

$(BIN): $(shell find analysis rewrite lsp cmd -name '*.go') go.mod go.sum
	$(GO) build -o $(BIN) ./cmd/shale

# Findings end with status 1, as for every linter; here they are what is shown.
demo: $(BIN)
	@$(BIN) check $(DEMO) || [ $$? = 1 ]
	@echo
	@$(BIN) fix --diff $(DEMO) || [ $$? = 1 ]

# Shells, what an engine needs, and what Neovim is installed with. As another user
# than root nothing is installed: it says what is missing.
tools:
	@./.ci/tools

vet:
	@out=$$(gofmt -s -l $$(git ls-files '*.go')); [ -z "$$out" ] || { echo "gofmt -s would change:"; echo "$$out"; exit 1; }
	$(GO) vet ./...

test: tools vet test-nvim test-go

test-nvim: $(BIN)
	SHALE_BIN=$(CURDIR)/$(BIN) editors/nvim/test.sh

# Gitea is compiled once, which takes minutes and a C compiler, and kept in .cache.
test-gitea:
	$(GO) test -tags gitea ./cmd/shale -run '^TestReviewOnGitea$$' -count 1 -timeout 30m -v

vsix:
	editors/vscode/scripts/package.sh $(CURDIR)/bin/shale.vsix

# A target of its own: it fetches VS Code's server, which make test has no time for.
test-vscode: $(BIN)
	SHALE_BIN=$(CURDIR)/$(BIN) editors/vscode/test/test.sh

# gotestsum runs go test and ends with one line that counts what passed. With
# SHALE_TEST_ALL tests start a BuildKit of their own, and build.
GOTESTSUM := $(GO) run gotest.tools/gotestsum@v1.13.0 --format pkgname
DEEP := TestAdoptedRepositories|TestFigures|TestMountsAreUsedAgain|TestNpmPackage|TestReproducible
test-go:
	@mkdir -p .cache
	SHALE_TEST_ALL=1 $(GOTESTSUM) --jsonfile .cache/test.json -- -timeout 60m -skip '^($(DEEP))$$' ./...

# What make test has no time for: DEEP, other random numbers, more of them, slow
# cases of the matrix, huge inputs, and each call that a write may be killed at.
test-deep: tools
	@mkdir -p .cache
	SHALE_TEST_ALL=1 SHALE_TEST_DEEP=1 $(GOTESTSUM) --jsonfile .cache/deep.json -- -timeout 60m -run '^($(DEEP)|TestMergedRunsDoTheSame|TestRandomRunsBuild|TestMatrix|TestHostileInput|TestKilledWhileWriting|TestFailingWrites|TestTwoAtOnce)$$' ./rewrite/... ./cmd/shale

consumers: tools
	$(GO) test -tags consumers ./cmd/shale ./analysis/buildctx -run '^(TestConsumers|TestRealInstallers)$$' -count 1 -timeout 30m -v

docs:
	$(GO) run ./cmd/shale/internal/gendocs
	$(GO) run ./cmd/shale/internal/licences

docs-screenshots: $(BIN)
	SHALE_BIN=$(CURDIR)/$(BIN) editors/vscode/test/test.sh --docs

figures: tools
	SHALE_TEST_ALL=1 $(GO) test ./rewrite/verify/matrix -run '^TestFigures$$' -timeout 30m -update -count 1 -v

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./analysis/... ./rewrite/... ./lsp/...

bench-peer:
	$(GO) test -tags peer ./lsp -run '^TestBesidePeer$$' -count 1 -timeout 30m -v

speed: $(BIN)
	@[ -n "$(DIR)" ] || { echo "usage: make speed DIR=folder"; exit 2; }
	SHALE_BIN=$(CURDIR)/$(BIN) SPEED_DIR=$(abspath $(DIR)) $(GO) test -tags peer ./cmd/shale -run '^TestSpeed$$' -count 1 -timeout 30m -v

release-check:
	.ci/release-check

soak:
	$(GO) test -tags soak ./lsp -run '^TestSoak$$' -count 1 -timeout 0 -v

corpus:
	@[ -n "$(DIR)" ] || { echo "usage: make corpus DIR=folder"; exit 2; }
	$(GO) run ./cmd/shale/internal/corpus $(DIR)

# The database is a module too, so that no other server is asked.
vulncheck:
	v=$$($(GO) list -m -f '{{.Version}}' golang.org/x/vulndb@latest) && \
	$(GO) mod download golang.org/x/vulndb@$$v && rm -rf .cache/vulndb && \
	$(GO) run golang.org/x/vulndb/cmd/indexdb@$$v -vulns $$($(GO) env GOMODCACHE)/golang.org/x/vulndb@$$v/data/osv -out .cache/vulndb && \
	$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0 -db file://$(CURDIR)/.cache/vulndb ./...

fuzz:
	@for t in $$(grep -rl --include='*_test.go' '^func Fuzz' analysis rewrite lsp cmd | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]*' $$t/*_test.go | sed 's/func //' | sort -u); do \
	    SHALE_TEST_ALL=1 $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-30s} -fuzzminimizetime 1x ./$$t || exit 1; done; done

clean:
	rm -rf bin .cache
