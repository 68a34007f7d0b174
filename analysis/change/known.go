package change

// The clean-ups and flags that a safe fix may add. The validator accepts no
// other, whatever a rule declares; a manager's file in analysis/pkgmgr names its
// own from this list. A path that starts with "~" lies in the home folder of the
// user who runs the command: such a clean-up asks the manager itself to delete
// its cache, so that nobody has to know where that is.
var (
	AptLists = Cleanup{"apt", "rm -rf /var/lib/apt/lists/*", []string{"/var/lib/apt/lists"}}
	ApkIndex = Cleanup{"apk", "rm -rf /var/cache/apk/*", []string{"/var/cache/apk"}}
	NpmCache = Cleanup{"npm", "npm cache clean --force", []string{"~/.npm"}}

	ApkNoCache    = Flag{"apk", "apk", "add", "--no-cache", []string{"/var/cache/apk"}}
	PipNoCacheDir = Flag{"pip", "pip", "install", "--no-cache-dir", []string{"~/.cache/pip"}}
)

// Cleanups lists every known clean-up.
func Cleanups() []Cleanup { return []Cleanup{AptLists, ApkIndex, NpmCache} }

// Flags lists every known flag.
func Flags() []Flag { return []Flag{ApkNoCache, PipNoCacheDir} }
