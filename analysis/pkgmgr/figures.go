package pkgmgr

import (
	"fmt"
	"slices"
	"strings"
)

// A Figure is a number of bytes that was measured, and how. Figures is the one table
// of them: what a finding, a page or an editor says of bytes stands here, and where
// nothing stands here they name none.
type Figure struct {
	Manager string
	Dir     string // the Cache that holds them; "" for what is installed besides
	After   string // the call that was run
	Bytes   int64
	How     string
	// Any says that it does not depend on what is installed, so that a finding may
	// name it. The others are examples for the page.
	Any bool
	// Not are images on which it is another one.
	Not []string
}

// Figures is the table.
var Figures = []Figure{
	IndexOnDebian,
	{
		Manager: "apt", Dir: "/var/cache/apt", After: "apt-get install build-essential", Bytes: 95_500_000,
		How: onDebian + " the archives that apt says it needs to get, which stay there where docker-clean does not delete them; without recommended packages 69.2 MB",
	},
	GitRecommends, CurlRecommends, CompilerRecommends,
	{
		Manager: "npm", Dir: "~/.npm", After: "npm install express@4.21.2", Bytes: 3_380_000,
		How: "npm 11.19, the files of the folder; node_modules has 2.3 MB",
	}, {
		Manager: "yarn", Dir: "/usr/local/share/.cache/yarn", After: "yarn add express@4.21.2", Bytes: 3_570_000,
		How: "Yarn 1.22.22, the files of the folder; node_modules has 2.2 MB",
	}, {
		Manager: "yarn", Dir: "~/.yarn/berry", After: "yarn add express@4.21.2", Bytes: 3_170_000,
		How: "Yarn 4.9.2, the files of the folder, from which the project runs; there is no node_modules",
	}, {
		Manager: "pnpm", Dir: "~/.local/share/pnpm/store", After: "pnpm add express@4.21.2", Bytes: 2_320_000,
		How: "pnpm 9.15.9, the files of the folder, of which node_modules is made by links",
	}, {
		Manager: "go", Dir: "/go/pkg/mod", After: "go mod download golang.org/x/tools@v0.24.0", Bytes: 11_400_000,
		How: "Go 1.26, the files of the folder with those of cache/download, which are 3.2 MB",
	}, {
		Manager: "go", Dir: "~/.cache/go-build", After: "go build", Bytes: 85_000_000,
		How: "Go 1.26, a program of one line that serves net/http, without cgo: the files of the folder after its first build",
	},
	PipCompiled,
}

const onDebian = "Debian 12 with the 89 packages of its smallest image:"

// IndexOnDebian is what an update of apt's leaves.
var IndexOnDebian = Figure{
	Manager: "apt", Dir: "/var/lib/apt/lists", After: "apt-get update", Bytes: 19_900_000, Any: true,
	Not: []string{"ubuntu"},
	How: "Debian 12 with its updates and security archives, indexes kept gzipped as in the official image",
}

// What apt counts more for a package with what it recommends than without.
var (
	GitRecommends      = Figure{Manager: "apt", After: "apt-get install git", Bytes: 15_000_000, How: recommended}
	CurlRecommends     = Figure{Manager: "apt", After: "apt-get install curl", Bytes: 3_800_000, How: recommended}
	CompilerRecommends = Figure{Manager: "apt", After: "apt-get install build-essential", Bytes: 79_000_000, How: recommended}
)

const recommended = onDebian + " what `apt-get install --assume-no` counts on disk less what it counts with --no-install-recommends"

// PipCompiled is what pip compiles of a package beside its sources.
var PipCompiled = Figure{
	Manager: "pip", After: "pip install pip==23.2", Bytes: 7_200_000,
	How: "the `__pycache__` folders of pip 23.2 under Python 3.11; its sources are 5.9 MB",
}

func (f Figure) String() string {
	if f.Bytes < 1_000_000 {
		return fmt.Sprintf("%d kB", (f.Bytes+500)/1000)
	}
	return strings.Replace(fmt.Sprintf("%.1f MB", float64(f.Bytes)/1e6), ".0 ", " ", 1)
}

// Leaves is how many bytes a call leaves in a cache, whatever it installs, on an image
// of that name, "" for one that is not known; 0 where nobody has measured it.
func (c *Cache) Leaves(image string) int64 {
	for _, f := range Figures {
		if f.Any && f.Dir == c.Dir && !slices.Contains(f.Not, image) {
			return f.Bytes
		}
	}
	return 0
}
