package buildctx

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/lazyregexp"
)

var dotnet = Installer{
	Name: "dotnet",
	reads: func(c Install) bool {
		return c.Program == "dotnet" && (c.Word == "restore" && len(c.Names) <= 1 || builtByDotnet(c))
	},
	builds: func(c Install) string {
		if !builtByDotnet(c) {
			return ""
		}
		return "copy the project files, NuGet.config and Directory.*.props above this line, each to its folder, put `RUN dotnet restore` behind them, and give --no-restore here"
	},
	world: func(c *Context, dir string, call Install) World {
		target := ""
		if len(call.Names) == 1 {
			target = shape(call.Names[0])
		}
		return c.Dotnet(dir, DotnetOptions{Target: target, Locked: call.Has("--locked-mode")})
	},
	guess:   func(Install) []string { return nil },
	options: "--locked-mode -r --runtime -v --verbosity --no-cache --disable-parallel --ignore-failed-sources --force -nologo --nologo -s --source --interactive --disable-build-servers",
	steers:  []string{"nuget_packages", "restore", "msbuild", "directory", "customb", "customa"},
}

func builtByDotnet(c Install) bool {
	return (c.Word == "build" || c.Word == "publish") && !c.Has("--no-restore", "--no-build")
}

// DotnetOptions says how dotnet restore is called.
type DotnetOptions struct {
	Target string // the project or solution named; "" for the one in the folder
	Locked bool   // --locked-mode
}

// Dotnet is the world of "dotnet restore": the solution, the projects and those that
// they reference, what MSBuild imports into them by name from the folders above
// ("Customize the build by folder or solution" in its documentation), NuGet's settings
// and lock files. A project is a program: what it asks of the file system refuses.
func (c *Context) Dotnet(dir string, o DotnetOptions) World {
	b := newBuilder(c)
	dir, ok := b.folder(dir)
	if !ok {
		return b.done()
	}
	d := dotnetReader{builder: b, o: o, seen: map[string]bool{}, parsed: map[string]*element{}}
	d.run(dir)
	return b.done()
}

type dotnetReader struct {
	*builder
	o      DotnetOptions
	seen   map[string]bool     // files, and those of MSBuild with the project that imports them
	parsed map[string]*element // files of MSBuild
	dirs   []string            // of the projects
}

func (d *dotnetReader) run(dir string) {
	target, ok := d.target(dir)
	if !ok {
		return
	}
	d.settings(dir)
	d.settings(path.Dir(target))
	switch path.Ext(target) {
	case ".sln", ".slnx":
		d.solution(target)
	default:
		d.project(target)
	}
	if len(d.dirs) == 0 && len(d.world.Refusals) == 0 {
		d.refuse(Refusal{Reason: target + " holds no project", Path: target, Hard: true})
	}
	for _, p := range d.dirs {
		d.world.Creates = append(d.world.Creates, path.Join(p, "obj"))
	}
	if !d.c.HidesEverywhere("obj") {
		file := path.Base(display(d.c.IgnoreFile()))
		d.refuse(Refusal{Reason: "obj is not in " + file, Cure: "add the line **/obj to " + file, Path: d.c.contextPath(d.c.ignoreFile)})
	}
	d.world.Assumes = []string{"the SDK's own targets look at no other file of the project"}
}

// dotnetSettings are looked up from where the command runs, from the solution and from
// each project.
var dotnetSettings = []string{"Directory.Build.rsp", "global.json", "nuget.config", "NuGet.config", "NuGet.Config"}

var projectExts = []string{".csproj", ".fsproj", ".vbproj"}

// target is the project or solution that is restored.
func (d *dotnetReader) target(dir string) (string, bool) {
	at, ok := within(dir, strings.ReplaceAll(d.o.Target, `\`, "/"))
	if !ok || strings.ContainsRune(d.o.Target, 0) {
		d.refuse(Refusal{Reason: "what is restored is not in the build context", Hard: true})
		return "", false
	}
	if d.o.Target != "" && !d.c.IsDir(at) {
		return at, true
	}
	entries, err := d.c.ReadDir(at)
	if err != nil {
		d.refuse(Refusal{Reason: fmt.Sprintf("%s cannot be listed: %v", at, reason(err)), Path: at, Hard: true})
		return "", false
	}
	var found []string
	for _, e := range entries {
		if ext := path.Ext(e.Name); ext == ".sln" || ext == ".slnx" || slices.Contains(projectExts, ext) {
			found = append(found, path.Join(at, e.Name))
		}
	}
	if len(found) != 1 {
		d.refuse(Refusal{Reason: fmt.Sprintf("%s holds %d projects and solutions", at, len(found)), Cure: "name the one to restore", Path: at, Hard: true})
		return "", false
	}
	return found[0], true
}

var slnProject = lazyregexp.New(`(?m)^\s*Project\("\{([0-9A-Fa-f-]+)\}"\)\s*=\s*"[^"]*",\s*"([^"]*)"`)

// solutionFolder is the type of a folder in a solution, which is no project.
const solutionFolder = "2150E333-8FDC-42A3-9474-1A3956D46DE8"

func (d *dotnetReader) solution(p string) {
	text, s := d.read(p)
	if s == missing {
		d.refuse(Refusal{Reason: "the build context holds no " + p, Path: p, Hard: true})
	}
	if s != present {
		return
	}
	var paths []string
	if path.Ext(p) == ".slnx" {
		if root := d.xml(p, text); root != nil {
			root.walk(func(e *element) {
				if e.name == "Project" {
					paths = append(paths, e.attrs["Path"])
				}
			})
		}
	}
	for _, m := range slnProject.FindAllStringSubmatch(text, -1) {
		if !strings.EqualFold(m[1], solutionFolder) {
			paths = append(paths, m[2])
		}
	}
	base := strings.TrimSuffix(path.Base(p), path.Ext(p))
	for _, f := range []string{"before." + base + ".sln.targets", "after." + base + ".sln.targets"} {
		if at := path.Join(path.Dir(p), f); d.find(at) != missing {
			d.refuse(Refusal{Reason: at + " adds steps to the solution, which may read any file", Path: at})
		}
	}
	d.around(p, "Directory.Solution.props", "Directory.Solution.targets")
	for _, one := range paths {
		d.reference(p, p, one)
	}
}

// reference goes on to a project that a file names, relative to the folder of the
// project that the file is a part of.
func (d *dotnetReader) reference(from, project, name string) {
	base, rest := expand(from, project, path.Dir(project), name)
	at, ok := within(base, rest)
	switch {
	case strings.ContainsAny(rest, expression):
		d.refuse(Refusal{Reason: fmt.Sprintf("%s names the project %s by an expression", from, name), Path: from})
	case !ok:
		d.refuse(Refusal{Reason: fmt.Sprintf("%s names the project %s outside the build context", from, name), Path: from})
	case !slices.Contains(projectExts, path.Ext(at)):
		d.refuse(Refusal{Reason: fmt.Sprintf("%s names %s, a project of a kind that Shale does not read", from, at), Path: from})
	default:
		d.project(at)
	}
}

// expression holds what a name has in it that MSBuild works out.
const expression = "$@*?%"

// expand is the folder that a name in a file is relative to, and the rest of the name:
// dir, but for the two folders that MSBuild has variables for. The file may be imported
// by the project.
func expand(file, project, dir, name string) (base, rest string) {
	name = strings.ReplaceAll(name, `\`, "/")
	if rest, ok := strings.CutPrefix(name, "$(MSBuildThisFileDirectory)"); ok {
		return path.Dir(file), strings.TrimPrefix(rest, "/")
	}
	if rest, ok := strings.CutPrefix(name, "$(MSBuildProjectDirectory)/"); ok {
		return path.Dir(project), rest
	}
	return dir, name
}

func (d *dotnetReader) project(p string) {
	if d.seen[p] {
		return
	}
	d.seen[p] = true
	dir := path.Dir(p)
	d.msbuild(p, p)
	d.dirs = append(d.dirs, dir)
	if user := p + ".user"; d.find(user) == present {
		d.msbuild(user, p)
	}
	d.around(p, "Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props")
	d.settings(dir)
	if at := path.Join(dir, "packages.config"); d.find(at) != missing {
		d.refuse(Refusal{Reason: at + " is of an older kind of project", Path: at})
	}
	if lock := d.lock(p); lock != "" {
		d.read(lock)
		if !d.o.Locked {
			d.refuse(Refusal{Reason: "dotnet restore may rewrite " + lock + ", and a later COPY would bring the old one back", Cure: "give --locked-mode", Path: lock})
		}
	}
}

// lock is the lock file of a project, "" if it has none.
func (d *dotnetReader) lock(project string) string {
	name := strings.ReplaceAll(strings.TrimSuffix(path.Base(project), path.Ext(project)), " ", "_")
	for _, f := range []string{"packages." + name + ".lock.json", "packages.lock.json"} {
		if at := path.Join(path.Dir(project), f); d.find(at) == present {
			return at
		}
	}
	return ""
}

// settings reads what NuGet and the SDK look up in a folder and in all above it.
func (d *dotnetReader) settings(dir string) {
	for _, up := range upward(dir) {
		for _, n := range dotnetSettings {
			at := path.Join(up, n)
			if d.seen[at] || d.find(at) != present {
				continue
			}
			d.seen[at] = true
			if strings.EqualFold(n, "nuget.config") {
				d.nugetConfig(at)
			} else {
				d.read(at)
			}
		}
	}
}

// around reads files of these names that a project imports from its folder and from
// all above it.
func (d *dotnetReader) around(project string, names ...string) {
	for _, up := range upward(path.Dir(project)) {
		for _, n := range names {
			if at := path.Join(up, n); d.find(at) == present {
				d.imported(at, project)
			}
		}
	}
}

// imported judges a file that a project imports, which reads anew for each project.
func (d *dotnetReader) imported(at, project string) {
	key := at + "\x00" + project
	if !d.seen[key] {
		d.seen[key] = true
		d.msbuild(at, project)
	}
}

var (
	// asksFiles are expressions of MSBuild that look at the file system.
	asksFiles = lazyregexp.New(`(?i)Exists\s*\(|\[System\.IO\.|\[System\.Environment\]|\[MSBuild\]::(?:Get|Does)[A-Za-z]*(?:File|Director)|::ReadAll`)
	// aboveFile is the usual import of a file of the same name from a folder above.
	aboveFile = lazyregexp.New(`GetPathOfFileAbove\(\s*'?(?:Directory\.(?:Build|Packages)\.(?:props|targets)|\$\(MSBuildThisFile\))'?`)
	// knownSDK is what a project is of: more than one, separated by ";", is not known.
	knownSDK = lazyregexp.New(`^Microsoft\.NET\.Sdk(?:\.[A-Za-z]+)*(?:/[0-9.]+)?$`)
	// buildOnly are targets that a restore does not run.
	buildOnly = lazyregexp.New(`(?i)^(?:(?:Before|After|Core|Post|Pre)?(?:Build|Compile|Publish|Clean|Rebuild|Pack|Test|Run)(?:Event)?|PrepareForBuild|PrepareForPublish|ComputeFilesToPublish|GenerateNuspec|ResolveReferences|AssignTargetPaths|CopyFilesToOutputDirectory|PrepareResources)$`)
	// movers are properties that put what a restore writes elsewhere, or take packages
	// from a folder.
	movers = lazyregexp.New(`^(?:BaseIntermediateOutputPath|MSBuildProjectExtensionsPath|RestoreOutputPath|RestorePackagesPath|NuGetLockFilePath|RestoreSources|RestoreAdditionalProjectSources|RestoreFallbackFolders|ArtifactsPath|UseArtifactsOutput|RestorePackagesWithLockFile|RestoreLockedMode|RestoreConfigFile|RestoreProjectStyle)$`)
)

// parse reads a file of MSBuild once.
func (d *dotnetReader) parse(p string) *element {
	root, ok := d.parsed[p]
	if ok {
		return root
	}
	text, s := d.read(p)
	switch s {
	case missing:
		d.refuse(Refusal{Reason: "the build context holds no " + p, Path: p, Hard: true})
	case present:
		root = d.xml(p, text)
	}
	d.parsed[p] = root
	return root
}

// msbuild judges a file of a project: its own, or one that it imports.
func (d *dotnetReader) msbuild(p, project string) {
	root := d.parse(p)
	if root == nil {
		return
	}
	refuse := func(e *element, format string, args ...any) {
		d.refuse(Refusal{Reason: fmt.Sprintf("%s:%d ", p, e.line) + fmt.Sprintf(format, args...), Path: p, Line: e.line})
	}
	if sdk := root.attrs["Sdk"]; (p == project || sdk != "") && !knownSDK.MatchString(sdk) {
		refuse(root, "is no project of an SDK that Shale knows")
	}
	if root.attrs["InitialTargets"] != "" {
		refuse(root, "runs the target %s first", root.attrs["InitialTargets"])
	}
	root.walk(func(e *element) {
		for _, v := range append(sortedValues(e.attrs), e.text) {
			if asksFiles.MatchString(v) && !aboveFile.MatchString(v) {
				refuse(e, "asks for files by an expression, %s", strings.TrimSpace(v))
			}
		}
		switch {
		case e.name == "Import" && aboveFile.MatchString(e.attrs["Project"]):
		case e.name == "Import":
			base, rest := expand(p, project, path.Dir(p), e.attrs["Project"])
			at, ok := within(base, rest)
			if !ok || e.attrs["Sdk"] != "" || strings.ContainsAny(rest, expression) {
				refuse(e, "imports %s", e.attrs["Project"])
			} else {
				d.imported(at, project)
			}
		case e.name == "Sdk":
			refuse(e, "adds the SDK %s, which may read any file", e.attrs["Name"])
		case e.name == "ProjectReference":
			for one := range strings.SplitSeq(e.attrs["Include"], ";") {
				if one = strings.TrimSpace(one); one != "" {
					d.reference(p, project, one)
				}
			}
		case e.name == "Target":
			for _, hook := range strings.Split(e.attrs["BeforeTargets"]+";"+e.attrs["AfterTargets"], ";") {
				if hook = strings.TrimSpace(hook); hook != "" && !buildOnly.MatchString(hook) {
					refuse(e, "runs a target at %s, which may read any file", hook)
				}
			}
		case lockers[e.name] && d.lock(project) != "": // --locked-mode leaves it as it is
		case movers.MatchString(e.name) && strings.TrimSpace(e.text) != "" && !strings.EqualFold(strings.TrimSpace(e.text), "false"):
			refuse(e, "sets %s, which changes what a restore reads or writes", e.name)
		}
	})
}

// lockers are properties that make a restore keep to a lock file, or write one.
var lockers = map[string]bool{"RestorePackagesWithLockFile": true, "RestoreLockedMode": true}

func sortedValues(m map[string]string) []string {
	var out []string
	for _, k := range sorted(m) {
		out = append(out, m[k])
	}
	return out
}

// nugetConfig judges NuGet's settings: "nuget.config reference" in its documentation.
func (d *dotnetReader) nugetConfig(p string) {
	text, s := d.read(p)
	if s != present {
		return
	}
	root := d.xml(p, text)
	if root == nil {
		return
	}
	for _, section := range root.kids {
		for _, e := range section.kids {
			folder := section.name == "packageSources" && e.name == "add" && !npmURL.MatchString(e.attrs["value"]) || section.name == "fallbackPackageFolders" && e.name == "add"
			moved := section.name == "config" && slices.Contains([]string{"globalPackagesFolder", "repositoryPath"}, e.attrs["key"])
			if folder || moved {
				d.refuse(Refusal{Reason: fmt.Sprintf("%s:%d names the folder %s", p, e.line, e.attrs["value"]), Path: p, Line: e.line})
			}
		}
	}
}
