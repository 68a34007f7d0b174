package change

// The clean-ups and flags that a safe fix may add. The validator accepts no
// other, whatever a rule declares; a manager's file in analysis/pkgmgr names its
// own from this list. Paths below a home folder are given for root's; the
// validator holds a fix that uses one to USER root and HOME=/root.
var (
	AptLists = Cleanup{"apt", "rm -rf /var/lib/apt/lists/*", []string{"/var/lib/apt/lists"}}
	ApkIndex = Cleanup{"apk", "rm -rf /var/cache/apk/*", []string{"/var/cache/apk"}}
	NpmCache = Cleanup{"npm", "npm cache clean --force", []string{"/root/.npm"}}

	ApkNoCache    = Flag{"apk", "apk", "add", "--no-cache", []string{"/var/cache/apk"}}
	PipNoCacheDir = Flag{"pip", "pip", "install", "--no-cache-dir", []string{"/root/.cache/pip"}}
)

// Cleanups lists every known clean-up.
func Cleanups() []Cleanup { return []Cleanup{AptLists, ApkIndex, NpmCache} }

// Flags lists every known flag.
func Flags() []Flag { return []Flag{ApkNoCache, PipNoCacheDir} }
