package compile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	"google.golang.org/protobuf/proto"
)

// A Graph is what a build of one target does.
type Graph struct {
	Ops   []*Op  // each after its inputs
	Root  Edge   // the image's files; without an Op for an image without any
	Image string // config object, platform and author as canonical JSON
}

// An Edge is one output of an operation. Without an Op it is an empty file system.
type Edge struct {
	Op     *Op
	Output int
}

// Key is equal for edges that stand for the same files, made in the same way.
func (e Edge) Key() string {
	if e.Op == nil {
		return ""
	}
	return fmt.Sprintf("%s:%d", e.Op.Key, e.Output)
}

// An Op is one operation. At most one of Exec, File and Source is set; a merge, a
// diff and whatever else there may be have only Inputs and Rest.
type Op struct {
	Inputs []Edge
	Exec   *Exec
	File   *File
	Source *Source

	// Rest holds, as comparable bytes, all of the operation that the fields do not:
	// equal Rest and equal fields are equal operations.
	Rest string
	// Own is equal for operations that do the same to their inputs.
	Own string
	// Key is equal for operations that do the same to the same inputs.
	Key string
	// windows says that what it changes is an image of Windows.
	windows bool
}

// An Exec runs a program.
type Exec struct {
	Args    []string
	Env     []string // in order
	Cwd     string
	User    string // "" for root
	Windows bool   // by the platform, or by the name of the image it starts from
	Network string // "UNSET" for the sandbox, "HOST", "NONE"
	Mounts  []Mount
}

// Root returns the file system that the program starts in, and the number of the
// output that holds what it left.
func (x *Exec) Root() (in Edge, output int) {
	for _, m := range x.Mounts {
		if m.Dest == "/" {
			return m.Input, m.Output
		}
	}
	return Edge{}, -1
}

// Getenv returns the value of a variable of the environment.
func (x *Exec) Getenv(name string) (string, bool) {
	for i := len(x.Env) - 1; i >= 0; i-- {
		if k, v, _ := strings.Cut(x.Env[i], "="); k == name {
			return v, true
		}
	}
	return "", false
}

// A Mount is a file system that an Exec sees at Dest.
type Mount struct {
	Dest     string
	Type     string // "BIND", "SECRET", "SSH", "CACHE", "TMPFS"
	Input    Edge
	Selector string // the folder of Input that is mounted; "" for all
	Output   int    // -1 when what is written is thrown away
	ReadOnly bool
	CacheID  string
	Sharing  string // "SHARED", "PRIVATE", "LOCKED"

	// Rest holds what the other fields do not.
	Rest string
}

// Equal reports whether the mounts are the same but for their inputs.
func (m Mount) Equal(o Mount) bool {
	m.Input, o.Input = Edge{}, Edge{}
	return m == o
}

// A File changes files.
type File struct {
	Actions []Action
}

// A Ref is what a file action works on: an edge, or the result of an earlier
// action of the same operation.
type Ref struct {
	Edge   Edge
	Action int // -1 for an Edge
}

// An Action is one change of files. Output is -1 for a result that only a later
// action uses.
type Action struct {
	On     Ref
	Output int
	Copy   *Copy // nil for any other action

	// Made is the path that an action other than a copy makes or removes.
	Made string
	// Folder says that Made is a folder, made if it is not there: a WORKDIR.
	Folder bool
	// Owner is who gets such a folder, "" for root.
	Owner string
	// Rest holds what the other fields do not.
	Rest string
}

// A Copy copies a file or a folder.
type Copy struct {
	From    Ref
	Src     string // absolute, wildcards unresolved
	Dest    string // absolute; with a slash at its end for a folder
	Owner   string // "" for root
	Chmod   bool   // what is copied gets a mode that the file says
	Unpack  bool   // an archive is unpacked
	Include []string
	Exclude []string
}

// A Source brings files from elsewhere: "local://context", "docker-image://…".
type Source struct {
	Identifier string
}

// Copies returns the copy actions of an operation.
func (o *Op) Copies() []*Copy {
	if o.File == nil {
		return nil
	}
	var out []*Copy
	for _, a := range o.File.Actions {
		if a.Copy != nil {
			out = append(out, a.Copy)
		}
	}
	return out
}

// Local is the name of the context that the source brings, or "".
func (s *Source) Local() string {
	name, ok := strings.CutPrefix(s.Identifier, "local://")
	if !ok {
		return ""
	}
	return name
}

func digestOf(dt []byte) string { return string(digest.FromBytes(dt)) }

// newOp takes an operation apart. What it moves into fields it clears in op, so
// that Rest holds the remainder, of fields that are added to BuildKit too.
func newOp(op *pb.Op, inputs []Edge) (*Op, error) {
	inputs, err := spread(op, inputs)
	if err != nil {
		return nil, err
	}
	o := &Op{Inputs: inputs}
	op.Inputs = nil
	if src := op.GetSource(); src != nil {
		// These only say which part of a context is sent, and follow from the copies.
		for k := range src.Attrs {
			if slices.Contains(transferAttrs, k) {
				delete(src.Attrs, k)
			}
		}
		o.Source = &Source{Identifier: src.Identifier}
	}
	own, err := marshal(op)
	if err != nil {
		return nil, err
	}
	o.Own = own
	h := sha256.New()
	fmt.Fprintf(h, "%d:%s", len(own), own)
	for _, in := range inputs {
		fmt.Fprintf(h, "|%s", in.Key())
	}
	o.Key = hex.EncodeToString(h.Sum(nil))

	switch {
	case op.GetExec() != nil:
		err = o.exec(op.GetExec())
	case op.GetFile() != nil:
		err = o.file(op.GetFile())
	}
	if err != nil {
		return nil, err
	}
	o.onWindows(op.GetPlatform().GetOS())
	o.Rest, err = marshal(op)
	return o, err
}

// onWindows notes whether what an operation changes is an image of Windows.
func (o *Op) onWindows(system string) {
	var on *Op
	o.windows = system == "windows"
	switch {
	case o.Source != nil:
		o.windows = o.windows || windows(o.Source.Identifier)
	case o.Exec != nil:
		root, _ := o.Exec.Root()
		on = root.Op
	case o.File != nil && len(o.File.Actions) > 0:
		on = o.File.Actions[0].On.Edge.Op
	}
	o.windows = o.windows || on != nil && on.windows
	if o.Exec != nil {
		o.Exec.Windows = o.windows
	}
}

// spread gives each mount and each action of an operation inputs of its own. BuildKit lists
// equal ones once, so that two operations which do the same would differ by how many of
// what they start from are equal.
func spread(op *pb.Op, inputs []Edge) ([]Edge, error) {
	var refs []*int64
	known := len(inputs)
	switch {
	case op.GetExec() != nil:
		for _, m := range op.GetExec().Mounts {
			refs = append(refs, &m.Input)
		}
	case op.GetFile() != nil:
		known += len(op.GetFile().Actions)
		for _, a := range op.GetFile().Actions {
			refs = append(refs, &a.Input, &a.SecondaryInput)
			for _, by := range []*pb.ChownOpt{a.GetCopy().GetOwner(), a.GetMkdir().GetOwner(), a.GetMkfile().GetOwner()} {
				for _, u := range []*pb.UserOpt{by.GetUser(), by.GetGroup()} {
					if n := u.GetByName(); n != nil {
						refs = append(refs, &n.Input)
					}
				}
			}
		}
	default:
		return inputs, nil
	}
	var out []Edge
	var actions []*int64
	for _, ref := range refs {
		switch at := int(*ref); {
		case at < 0:
		case at < len(inputs):
			*ref = int64(len(out))
			out = append(out, inputs[at])
		case at < known:
			actions = append(actions, ref)
		default:
			return nil, fmt.Errorf("%w: a mount or an action without its input", ErrInternal)
		}
	}
	for _, ref := range actions {
		*ref += int64(len(out) - len(inputs))
	}
	return out, nil
}

var transferAttrs = []string{
	pb.AttrLocalSessionID, pb.AttrLocalUniqueID, pb.AttrIncludePatterns, pb.AttrFollowPaths,
	pb.AttrExcludePatterns, pb.AttrSharedKeyHint, pb.AttrLocalDiffer,
}

func (o *Op) exec(x *pb.ExecOp) error {
	m := x.Meta
	if m == nil {
		return fmt.Errorf("%w: an exec without arguments", ErrInternal)
	}
	e := &Exec{Args: m.Args, Env: m.Env, Cwd: m.Cwd, User: m.User, Network: x.Network.String()}
	for _, mount := range x.Mounts {
		own := Mount{
			Dest: mount.Dest, Type: mount.MountType.String(), Selector: mount.Selector,
			Output: int(mount.Output), ReadOnly: mount.Readonly,
		}
		if mount.Input >= 0 {
			own.Input = o.Inputs[mount.Input]
		}
		if c := mount.CacheOpt; c != nil {
			own.CacheID, own.Sharing = c.ID, c.Sharing.String()
		}
		mount.Dest, mount.MountType, mount.Selector, mount.Output, mount.Readonly = "", 0, "", 0, false
		mount.Input, mount.CacheOpt = 0, nil
		rest, err := marshal(mount)
		if err != nil {
			return err
		}
		own.Rest = rest
		e.Mounts = append(e.Mounts, own)
	}
	m.Args, m.Env, m.Cwd, m.User = nil, nil, "", ""
	x.Mounts, x.Network = nil, 0
	o.Exec = e
	return nil
}

func (o *Op) file(f *pb.FileOp) error {
	ref := func(i int64) Ref {
		switch {
		case i < 0:
			return Ref{Action: -1}
		case int(i) < len(o.Inputs):
			return Ref{Edge: o.Inputs[i], Action: -1}
		}
		return Ref{Action: int(i) - len(o.Inputs)}
	}
	out := &File{}
	for _, a := range f.Actions {
		own := Action{On: ref(a.Input), Output: int(a.Output)}
		if c := a.GetCopy(); c != nil {
			own.Copy = &Copy{
				From: ref(a.SecondaryInput), Src: c.Src, Dest: c.Dest, Owner: owner(c.Owner), Chmod: c.Mode != -1 || c.ModeStr != "", Unpack: c.AttemptUnpackDockerCompatibility,
				Include: c.IncludePatterns, Exclude: c.ExcludePatterns,
			}
			c.Src, c.Dest, c.AttemptUnpackDockerCompatibility = "", "", false
			if c.Owner != nil {
				resetInput(c.Owner.User)
				resetInput(c.Owner.Group)
			}
		}
		switch {
		case a.GetMkdir() != nil:
			own.Made, own.Folder, own.Owner = a.GetMkdir().Path, a.GetMkdir().MakeParents, owner(a.GetMkdir().Owner)
		case a.GetMkfile() != nil:
			own.Made = a.GetMkfile().Path
		case a.GetRm() != nil:
			own.Made = a.GetRm().Path
		case a.GetSymlink() != nil:
			own.Made = a.GetSymlink().Newpath
		}
		a.Input, a.SecondaryInput, a.Output = 0, 0, 0
		rest, err := marshal(a)
		if err != nil {
			return err
		}
		own.Rest = rest
		out.Actions = append(out.Actions, own)
	}
	f.Actions = nil
	o.File = out
	return nil
}

// resetInput forgets where a user's name is looked up, which is always the file
// system that is copied to; its number depends on the other actions.
func resetInput(u *pb.UserOpt) {
	if n := u.GetByName(); n != nil {
		n.Input = 0
	}
}

func owner(c *pb.ChownOpt) string {
	if c == nil {
		return ""
	}
	one := func(u *pb.UserOpt) string {
		switch {
		case u == nil:
			return ""
		case u.GetByName() != nil:
			return u.GetByName().Name
		}
		return fmt.Sprint(u.GetByID())
	}
	if u, g := one(c.User), one(c.Group); g != "" {
		return u + ":" + g
	} else {
		return u
	}
}

func marshal(m proto.Message) (string, error) {
	dt, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	return string(dt), err
}

// String tells an operation in a line, for messages.
func (o *Op) String() string {
	switch {
	case o == nil:
		return "nothing"
	case o.Exec != nil:
		s := o.Exec.Args
		if len(s) == 0 {
			return "RUN"
		}
		return "RUN " + short(s[len(s)-1])
	case o.Source != nil:
		return "FROM " + strings.TrimPrefix(o.Source.Identifier, "docker-image://")
	case o.File != nil:
		var parts []string
		for _, a := range o.File.Actions {
			if a.Copy != nil {
				parts = append(parts, strings.TrimPrefix(a.Copy.Src, "/")+" to "+a.Copy.Dest)
			} else {
				parts = append(parts, "a folder or file "+a.Made)
			}
		}
		return "COPY " + short(strings.Join(parts, ", "))
	}
	return "an operation"
}

func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 60 {
		return string(r[:57]) + "..."
	}
	return s
}
