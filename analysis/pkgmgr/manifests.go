package pkgmgr

import "slices"

// ReadsManifests reports whether a call is known to work on the project in its folder:
// without the first of its manager's manifests it fails.
func (c *Call) ReadsManifests() bool {
	m := c.Manager
	if c.Unclear || m.Operands || len(m.Manifests) == 0 || len(c.Names) > 0 || !c.works() {
		return false
	}
	return !slices.Contains(m.UnreadBy, c.Word) && !slices.ContainsFunc(c.Options, func(o Option) bool {
		return slices.Contains(m.UnreadBy, o.Name) && o.Value != "." // cargo install --path .
	})
}

// ReadsOptions reports whether a call reads the manifests that its options name: of
// another one they may name what it writes.
func (c *Call) ReadsOptions() bool { return c.works() }

// works reports whether a call installs, or does more with what is installed.
func (c *Call) works() bool {
	switch {
	case c.Has("-h", "--help"), c.Has("--version") && !slices.Contains(c.Manager.Values, "--version"):
		return false
	case c.Verb == Other:
		return c.Word != "" && slices.Contains(c.Manager.ReadBy, c.Word)
	}
	return c.Verb != Clean
}
