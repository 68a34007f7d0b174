// Package change is the closed set of differences that a fix may declare. A rule
// declares what its fix does to the build; the validator, which trusts no rule,
// explains every difference between two compiled builds by a declared change or
// rejects the fix.
package change

// A Change is one difference that a fix declares. The set is closed: the types
// of this package and no others.
type Change interface {
	// Stops lists the paths below which the image stops shipping files: absolute,
	// or below "~", the home folder of the user in force.
	Stops() []string
	change()
}

// Joined says that consecutive RUNs of a stage became one, the bodies byte for
// byte inside a wrapper of the validator's closed list.
type Joined struct{}

// Cleaned says that a known clean-up was appended to a RUN that ran a package
// manager.
type Cleaned struct{ Cleanup Cleanup }

// FlagAdded says that a known flag was added to a command of a RUN.
type FlagAdded struct{ Flag Flag }

// MountAdded says that a cache mount was added to a RUN. Target is absolute.
type MountAdded struct {
	Target, ID, Sharing string
	UID, GID, Mode      string
}

// CopySplit says that a broad copy was split: the files named are copied first,
// the steps that follow the old copy up to and including the install run on them
// alone, and the broad copy follows.
type CopySplit struct {
	// Files are the manifests copied first, as paths of the build context.
	Files []string
}

// CopyMoved says that the copy of a folder moved behind RUNs that know nothing of what
// it brings: installs of the system's packages and their like.
type CopyMoved struct{}

// CleanupMoved says that a clean-up moved from a later RUN to the end of an earlier
// one, so that no layer keeps what it deletes. The later RUN keeps the rest of its
// body, or is gone.
type CleanupMoved struct {
	// Command is the clean-up as it is written, lines joined: one command, or
	// several joined by "&&".
	Command string
}

// Deleted says that a RUN deletes at its end what it made at a path. Nobody can prove that
// nothing needs it: no safe fix declares it.
type Deleted struct {
	Path string // absolute
}

func (Joined) Stops() []string       { return nil }
func (d Deleted) Stops() []string    { return []string{d.Path} }
func (c Cleaned) Stops() []string    { return c.Cleanup.Paths }
func (c FlagAdded) Stops() []string  { return c.Flag.Paths }
func (c MountAdded) Stops() []string { return []string{c.Target} }
func (CopySplit) Stops() []string    { return nil }
func (CopyMoved) Stops() []string    { return nil }
func (CleanupMoved) Stops() []string { return nil }

// What it deleted lies in a mount now, which is a change of its own.
func (CleanupDropped) Stops() []string { return nil }

func (Joined) change()         {}
func (Deleted) change()        {}
func (Cleaned) change()        {}
func (FlagAdded) change()      {}
func (MountAdded) change()     {}
func (CopySplit) change()      {}
func (CopyMoved) change()      {}
func (CleanupMoved) change()   {}
func (CleanupDropped) change() {}

// A Cleanup is a shell command, of literal words only, that deletes what a
// package manager leaves behind.
type Cleanup struct {
	Manager string   // the table's name of the manager: "apt"
	Command string   // exactly as it is appended
	Paths   []string // folders whose content it deletes; the package manager's own, never the user's
}

// CleanupDropped says that a clean-up that would empty an added mount, and the caches
// in it, was taken out of the RUN: a command of it, or what a command deletes besides.
type CleanupDropped struct {
	// Text is what is gone, as it is written with lines joined: a command, or words.
	Text string
}

// A Flag is an option that stops a command from leaving files behind or, where Keeps
// is set, makes it leave them in a mount.
type Flag struct {
	Manager string
	Program string   // the base name of the command it belongs to: "pip", "apk"
	Verb    string   // the verb it follows: "install", "add"
	Text    string   // "--no-cache-dir"
	Paths   []string // folders that stay empty because of it
	Keeps   string   // the mount that it fills, without which it is of no use; "" for none
}
