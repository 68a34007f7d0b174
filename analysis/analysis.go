// Package analysis defines what a rule is and what it reports, and runs rules over
// one Dockerfile.
package analysis

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/config"
	"github.com/shale-build/shale/analysis/source"
)

// Safety says what a fix promises. The zero value promises nothing.
type Safety uint8

const (
	Display Safety = iota // shown, never applied
	Unsafe                // likely what you want; the title says what could differ
	Safe                  // the build, the image config and the files stay the same, but for the paths that the title names
)

func (s Safety) String() string { return [...]string{"display", "unsafe", "safe"}[s] }

// Severity orders findings. Off is a rule that reports nothing.
type Severity uint8

const (
	Off Severity = iota
	Info
	Warning
	Error
)

func (s Severity) String() string { return [...]string{"off", "info", "warning", "error"}[s] }

// A Rule finds one kind of waste or mistake.
type Rule struct {
	Name     string   // kebab-case
	Doc      Doc      // written before Run
	Codes    string   // "SC": it passes on the findings of another program, each under a code that begins so
	Aliases  []string // codes of hadolint and BuildKit whose ignore comments silence this rule too
	Best     Safety   // the most that its fixes may claim
	Severity Severity // by default; Off for a rule that runs only when it is asked for
	Options  []Option // its keys under rules.<name> in .shale.toml
	Compiles bool     // it asks BuildKit's compiler, for which no edit waits
	Run      func(*Pass)
}

// Owns reports whether a name is the rule's own or one of its codes.
func (r *Rule) Owns(name string) bool {
	number, ok := strings.CutPrefix(name, r.Codes)
	return name == r.Name || r.Codes != "" && ok && number != "" && strings.Trim(number, "0123456789") == ""
}

// A Doc is a rule's page. Each field is Markdown.
type Doc struct {
	Summary string // one line without a full stop
	What    string // what it finds
	Why     string // why that costs something, with a number
	Silent  string // when it stays silent
	Fix     string // what its fix changes, how safe it is, and which proofs it stands on
}

// A Section is a part of a rule's page.
type Section struct{ Title, Text string }

// Sections lists the parts that the rule wrote, in the order of its page.
func (d Doc) Sections() []Section {
	all := []Section{{"What it finds", d.What}, {"Why", d.Why}, {"When it stays silent", d.Silent}, {"The fix", d.Fix}}
	return slices.DeleteFunc(all, func(s Section) bool { return s.Text == "" })
}

// An Option is a key of a rule's configuration with a closed set of values, or a table
// of strings.
type Option struct {
	Name    string
	Doc     string
	Values  []string
	Default string
	Entry   config.Entry // of a table, which has no Values: says what is wrong with an entry
}

// A Diagnostic is a finding.
type Diagnostic struct {
	Rule     string // its name, or one of its codes
	Severity Severity
	Span     source.Span // what to underline
	Message  string      // one or two sentences, with the gain in words
	Codes    []string    // of hadolint's for the very same; nil: the rule's Aliases
	Tag      Tag         // what the place is, for an editor that shows it so
	Gain     Gain
	Related  []Related
	Withheld []string // why no safe fix is offered, and what would make it so; empty when one is
	Fixes    []Fix    // the first is the default
}

// A Tag says what the text under a finding is. The zero value says nothing.
type Tag uint8

const (
	Unnecessary Tag = 1 + iota // without it the build is the same: editors fade it
	Deprecated                 // editors strike it through
)

// A Gain is what following the advice saves.
type Gain struct {
	Bytes int64 // no longer shipped, uncompressed; 0 when no measured figure exists
	Steps int   // build steps no longer rerun needlessly
}

// About is what a message says of the bytes; nothing where there is no figure.
func (g Gain) About() string {
	switch {
	case g.Bytes == 0:
		return ""
	case g.Bytes < 1_000_000:
		return fmt.Sprintf(" (about %.0f kB)", float64(g.Bytes)/1e3)
	}
	return fmt.Sprintf(" (about %.0f MB)", float64(g.Bytes)/1e6)
}

// A Related place explains a finding.
type Related struct {
	Span    source.Span
	Message string
}

// Relate adds a place that explains the finding, once.
func (d *Diagnostic) Relate(at source.Span, message string) {
	if r := (Related{Span: at, Message: message}); !slices.Contains(d.Related, r) {
		d.Related = append(d.Related, r)
	}
}

// A Fix is a set of edits that mend a finding together.
type Fix struct {
	Title   string // imperative; names the paths that stop shipping, or what could differ
	Safety  Safety
	Edits   []Edit          // to be made at once; they do not overlap
	Relies  []source.Span   // text of the Dockerfile that must be unchanged for the edits to be right
	Changes []change.Change // every difference that the edits make to the build
}

// An Edit changes the Dockerfile or, when Path is set, another file, given by
// its path on disk. A file that does not exist is created.
type Edit struct {
	Path string
	Of   string // what the other file held, "" for nothing and for one to be created: the edit is of that text
	source.Edit
}
