package pkgmgr

import "github.com/shale-build/shale/analysis/change"

// Yum is the package manager of CentOS 7 and Amazon Linux 2; where it is another name
// for dnf it fills dnf's folder. Metadata is kept for 6 hours: yum.conf(5). Options:
// yum(8).
var Yum = rpm("yum", &change.YumCaches, "yum")
