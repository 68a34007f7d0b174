package pkgmgr

// Dotnet is .NET's, with nuget: "Managing the global packages, cache, and temp folders"
// in NuGet's documentation. The build reads the packages where restore put them.
var Dotnet = Manager{
	Name:     "dotnet",
	Programs: []string{"dotnet", "nuget"},
	Values: []string{"-s", "--source", "-r", "--runtime", "--configfile", "--packages", "-c", "--configuration", "-o", "--output", "-f", "--framework",
		"-v", "--verbosity", "--version", "--tool-path", "--project", "-a", "--arch", "--os"},
	Verbs: map[string]Verb{
		"restore": Install, "tool install": Install, "tool restore": Install, "workload install": Install, "workload restore": Install,
		"tool update": Upgrade, "tool uninstall": Remove, "nuget locals": Clean, "locals": Clean,
	},
	Caches: []Cache{{
		Dir: "~/.nuget/packages", What: "package folder",
		Filled:    []Verb{Install, Upgrade},
		FilledBy:  []string{"build", "publish", "test", "run", "pack", "msbuild"},
		Moved:     []string{"NUGET_PACKAGES", "NUGET_HTTP_CACHE_PATH"},
		CleanedBy: []string{"nuget locals all --clear", "nuget locals global-packages --clear"},
		Kept:      "every later build reads it",
		Mount:     Mount{Sharing: "shared", Reads: true, Doubt: "NuGet compares a package in it with its source no more"},
	}, {
		Dir: "~/.local/share/NuGet/http-cache", What: "HTTP cache",
		Filled:    []Verb{Install, Upgrade},
		FilledBy:  []string{"build", "publish", "test", "run", "pack", "msbuild"},
		Moved:     []string{"NUGET_HTTP_CACHE_PATH", "XDG_DATA_HOME"},
		CleanedBy: []string{"nuget locals all --clear", "nuget locals http-cache --clear"},
		Kept:      "its name has changed with versions",
		Mount:     Mount{Sharing: "shared", Reads: true, Doubt: "NuGet compares a package in it with its source no more"},
	}},
	ManifestGlobs: []string{
		"*.csproj", "*.fsproj", "*.vbproj", "*.sln", "*.slnx", "Directory.*.props", "Directory.*.targets", "Directory.Build.rsp",
		"nuget.config", "NuGet.config", "NuGet.Config", "global.json", "packages*.lock.json", "packages.config",
	},
	NoManifests: "its files have several names",
	refine: func(c *Call) {
		if c.Verb == Clean { // nuget locals all -clear
			c.Word = "nuget locals"
			for _, n := range c.Names {
				c.Word += " " + literal(n)
			}
			if c.Has("--clear", "-c", "-clear") {
				c.Word += " --clear"
			}
		}
	},
}
