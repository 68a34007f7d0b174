// Package verify builds a Dockerfile before and after a rewrite with a BuildKit
// that the user has, compares the two images and measures both.
//
// The command is
//
//	shale verify [FILE] [flags]
//
//	FILE                     a Dockerfile, a folder that holds one, or - (default .)
//	--against OTHER          compare FILE with this Dockerfile; without it, with what `shale fix` would make of FILE
//	--stops PATH             with --against: a path of the image below which OTHER may stop shipping files; "~" is a home folder
//	--context DIR            the build context (default: the configuration's, or the one that Shale can tell, or FILE's folder)
//	--target STAGE, --platform OS/ARCH
//	--build-arg K=V          K alone takes the value of the environment
//	--build-context NAME=…   a folder, oci-layout://DIR[:TAG][@DIGEST], docker-image://REF or a URL
//	--secret id=ID[,src=FILE|,env=VAR]
//	--unsafe, --only RULE, --except RULE, --config FILE|KEY=VALUE   as `shale fix` has them
//	--buildkit ADDR          unix://, tcp://, docker-container://, kube-pod://, podman-container://, nerdctl-container://, ssh://,
//	                         docker:///var/run/docker.sock for the Docker engine's own; several share the builds
//	--tlscacert, --tlscert, --tlskey, --tlsservername, --tlsdir     for tcp://, as buildctl has them
//	--rebuild PATH           which steps run again after this file of the context changes (default: a source file and a
//	                         manifest that Shale chooses; "none" for none)
//	--compression gzip|zstd|uncompressed   how layers are compressed (default gzip); compressed sizes are told for it
//	--format text|json|markdown
//	--progress auto|tty|plain|quiet
//
// Lists may be repeated. Exit status: 0 equal, or nothing to compare; 1 an
// undeclared difference, or an after that does not build; 2 no engine, a before
// that does not build, wrong flags; 130 interrupted.
//
// With --format json, standard output holds one Report whenever there was
// something to build, also with status 2 when a build could not be judged
// ("verdict": "failed"). Wrong flags and unreadable files are told on standard
// error alone.
package verify

// A Report is the outcome. Its JSON is version 1: fields may be added.
type Report struct {
	Version int     `json:"version"`
	File    string  `json:"file"`              // as the user named it
	Against string  `json:"against,omitempty"` // with --against
	Context string  `json:"context"`           // the folder of the build context
	Verdict Verdict `json:"verdict"`

	// Failure is a build that failed: with verdict "failed" why nothing could be
	// judged, with "different" why after does not build.
	Failure *Failure `json:"failure,omitempty"`

	Applied []Fix `json:"applied"` // the fixes that make after of before, by line; none with --against
	Before  Image `json:"before"`
	After   Image `json:"after"`

	Config      []ConfigDifference `json:"config"`      // undeclared differences of the image config
	Differences []Difference       `json:"differences"` // undeclared differences of files, by path
	Stopped     []Stopped          `json:"stopped"`     // what is no longer shipped, as declared; one a declared path
	Noise       []Noise            `json:"noise"`       // what differs from build to build, by path
	Blame       []Fix              `json:"blame"`       // the fixes that make the difference

	Rebuilds []Rebuild `json:"rebuilds"`
	Builds   []Build   `json:"builds"` // every build that was made, in order
}

// A Verdict is what the comparison comes to.
type Verdict string

const (
	Equal     Verdict = "equal"     // but for noise and what the fixes declare
	Different Verdict = "different" // something differs that no fix declares, or after does not build
	Unchanged Verdict = "unchanged" // the fixes change nothing, or both texts are one: nothing was built
	Failed    Verdict = "failed"    // nothing could be judged
)

// A Failure tells of a build that did not succeed.
type Failure struct {
	Kind    string `json:"kind"`    // "engine", "before", "after", "disk"
	Message string `json:"message"` // the cause, one or more lines
	Hint    string `json:"hint,omitempty"`
	Step    string `json:"step,omitempty"` // as BuildKit names it
	Line    int    `json:"line,omitempty"` // of the Dockerfile that was built, from 1
	Log     string `json:"log,omitempty"`  // of the failing step, in full
}

// A Fix is one that was made.
type Fix struct {
	Rule   string   `json:"rule"`
	Title  string   `json:"title"`
	Line   int      `json:"line"` // in before, from 1
	Safety string   `json:"safety"`
	Stops  []string `json:"stops"` // paths below which it stops shipping files
}

// An Image is measured. Of before, the first build.
type Image struct {
	Layers       []Layer `json:"layers"`
	Uncompressed int64   `json:"uncompressed"` // bytes of all layers' tar streams
	Compressed   int64   `json:"compressed"`   // bytes of all layers as stored
	Files        int64   `json:"files"`        // bytes of regular files in all layers
	Dead         int64   `json:"dead"`         // of those, bytes that a later layer removes or overwrites
	Cold         float64 `json:"coldSeconds"`  // from the start of the first step to the end of the last, without cache; of before, the fastest build
	Platform     string  `json:"platform,omitempty"`
}

// A Layer is one layer of an image, the lowest first.
type Layer struct {
	Line         int    `json:"line"`    // of the instruction that made it, from 1; 0 for the base image's and where it is not known
	Created      string `json:"created"` // what made it, as the image's history tells
	Base         bool   `json:"base"`    // of the image that the Dockerfile is FROM
	Digest       string `json:"digest"`
	DiffID       string `json:"diffID"`
	Uncompressed int64  `json:"uncompressed"`
	Compressed   int64  `json:"compressed"`
	Files        int64  `json:"files"`
	Dead         int64  `json:"dead"`             // bytes of its files that later layers remove or overwrite
	DeadBy       []Dead `json:"deadBy,omitempty"` // by which
}

// Dead bytes were shipped by one layer and removed or overwritten by another.
type Dead struct {
	Line  int   `json:"line"`  // of the instruction that removes or overwrites them, as Layer.Line
	Layer int   `json:"layer"` // its number, from 0
	Bytes int64 `json:"bytes"`
}

// A ConfigDifference is a field of the image config that differs.
type ConfigDifference struct {
	Field  string `json:"field"`  // "Env", "platform", "author"
	Before string `json:"before"` // JSON; "" if absent
	After  string `json:"after"`
}

// A Difference is a path that differs.
type Difference struct {
	Path       string      `json:"path"`
	Kind       string      `json:"kind"`                 // "missing" in after, "new" in after, "changed"
	Type       string      `json:"type"`                 // "file", "dir", "symlink", "char", "block", "fifo"; of after if it is there
	Below      int         `json:"below,omitempty"`      // of a folder that is missing or new: the paths in it, which are not listed themselves
	Attributes []Attribute `json:"attributes,omitempty"` // what differs, where the path is changed
}

// An Attribute is one thing about a path that differs.
type Attribute struct {
	Name   string `json:"name"` // "type", "mode", "owner", "content", "target", "links", "device", "xattr NAME"
	Before string `json:"before"`
	After  string `json:"after"`
}

// Stopped is what became of a path that the fixes declare they stop shipping.
type Stopped struct {
	Path    string   `json:"path"`
	Bytes   int64    `json:"bytes"`             // of the regular files that are gone from the merged image
	Files   int      `json:"files"`             // their number
	Paths   []string `json:"paths"`             // everything that is gone, the first 1000
	Changed []string `json:"changed,omitempty"` // what below it is new or not as before, the first 1000
}

// Noise is a path that differs between builds of before, or between two of after
// of which one has what before has.
type Noise struct {
	Path       string   `json:"path"`
	Attributes []string `json:"attributes"` // as Attribute.Name, and "name" for one that is there in some builds only
}

// A Rebuild tells what runs again after one file of the context changed.
type Rebuild struct {
	Path   string `json:"path"`
	Before Rerun  `json:"before"`
	After  Rerun  `json:"after"`
}

// A Rerun is the build after the change.
type Rerun struct {
	Steps   []Step  `json:"steps"`           // that ran again, in order
	Cached  int     `json:"cached"`          // steps that did not
	Seconds float64 `json:"seconds"`         // from the start of the first step to the end of the last
	Error   string  `json:"error,omitempty"` // why it could not be measured
}

// A Step is one step of a build that ran.
type Step struct {
	Name    string  `json:"name"` // as BuildKit names it: "[build 3/5] RUN npm ci"
	Line    int     `json:"line"` // in the Dockerfile that was built, from 1; 0 where it is not known
	Seconds float64 `json:"seconds"`
}

// A Build is one that was made.
type Build struct {
	Name    string  `json:"name"` // "before", "after", "before, again", "after with 1 of 2 fixes", "after, FILE changed"
	Engine  string  `json:"engine"`
	Seconds float64 `json:"seconds"` // wall time, export included
	Cold    float64 `json:"coldSeconds,omitempty"`
	OK      bool    `json:"ok"`
}
