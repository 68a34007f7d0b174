package pkgmgr

import "github.com/shale-build/shale/analysis/change"

// Microdnf is the small dnf of minimal images. Until it became dnf 5 it cached in
// /var/cache/yum (CACHEDIR in its main program).
var Microdnf = rpm("microdnf", &change.MicrodnfCaches, "microdnf")
