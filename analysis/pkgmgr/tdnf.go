package pkgmgr

import "github.com/shale-build/shale/analysis/change"

// Tdnf is the dnf of Photon OS and Azure Linux: TDNF_DEFAULT_CACHE_LOCATION in its
// source is /var/cache/tdnf.
var Tdnf = tdnf()

func tdnf() Manager {
	m := rpm("tdnf", &change.Cleanup{Paths: []string{"/var/cache/tdnf"}}, "tdnf")
	m.Caches[0].Cleanup = nil
	m.Caches[0].Kept = "no clean-up is known that leaves the rest as it is"
	return m
}
