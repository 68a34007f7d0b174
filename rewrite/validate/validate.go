// Package validate holds a rewritten Dockerfile to its promise: it compiles the text
// before and after with BuildKit's own compiler and explains every difference by a
// change that the fix declared, or rejects the fix. It trusts no rule.
package validate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/compile"
)

// Options is what is known of the build beyond the text.
type Options struct {
	// Frontend is the version of docker/dockerfile that reads the file when no
	// "# syntax=" pins one: "1.7". "" is what Docker 23 has built in.
	Frontend string
}

// A Rejection is a judgement against a rewrite: the validator's error when a text
// breaks its promise, in words for those who maintain the rule that made it. An
// error of another type means that no judgement was reached.
type Rejection struct {
	Reason string // a sentence without its full stop
	Target string // the stage in which it shows; "" for the whole file
	// Before says that the text before does not compile, or that what reads it is not
	// known, so that nothing can be proven of any text after: the rewrite is not to blame.
	Before bool
}

func (r *Rejection) Error() string {
	if r.Target == "" {
		return r.Reason
	}
	return fmt.Sprintf("stage %s: %s", r.Target, r.Reason)
}

func reject(format string, args ...any) *Rejection {
	return &Rejection{Reason: fmt.Sprintf(format, args...)}
}

// unprovable is the judgement on a text before of which nothing can be proven.
func unprovable(format string, args ...any) *Rejection {
	r := reject(format, args...)
	r.Before = true
	return r
}

// Check holds a safe rewrite to its promise: every target of both texts compiles,
// over every made-up base, and after is before but for the changes declared. It
// returns nil, a *Rejection, or the error of ctx.
func Check(ctx context.Context, before, after string, changes []change.Change, o Options) error {
	b := Of(before)
	return b.Check(ctx, b.After(after), changes, o)
}

// CheckCompiles holds an unsafe rewrite to its promise: what compiled still does.
// It returns nil, a *Rejection, or the error of ctx.
func CheckCompiles(ctx context.Context, before, after string, o Options) error {
	b := Of(before)
	return b.CheckCompiles(ctx, b.After(after), o)
}

// Check is as the function of that name.
func (b *Before) Check(ctx context.Context, is *compile.Dockerfile, changes []change.Change, o Options) error {
	d, r := read(changes)
	if r != nil {
		return r
	}
	old, fresh := b.Doc(), is.Doc()
	if r := texts(old, fresh); r != nil {
		return r
	}
	if r := frontend(old, fresh, o); r != nil {
		return r
	}
	if r := d.ledInto(fresh); r != nil {
		return r
	}
	is.Beside(b.Dockerfile)
	if err := warnings(ctx, b.Dockerfile, is); err != nil {
		return err
	}
	targets, r := sameTargets(b.Dockerfile, is)
	if r != nil {
		return r
	}
	targets = touched(targets, b.Dockerfile, is)
	library := b.library.again()
	for _, v := range variants(b.Dockerfile, is) {
		shape, err := v.shape(ctx, targets, func(ctx context.Context, o compile.Options) error {
			_, err := b.Compile(ctx, o)
			return err
		})
		if err != nil {
			return err
		}
		for _, t := range targets {
			was, err := b.Compile(ctx, v.options(t, shape))
			if err != nil {
				return failed(ctx, t, "before", err)
			}
			g, err := is.Compile(ctx, v.options(t, shape))
			if err != nil {
				return failed(ctx, t, "after", err)
			}
			if r := explain(was, g, d, v.base, library); r != nil {
				r.Target = t.label
				return r
			}
		}
	}
	return ctx.Err()
}

// CheckCompiles is as the function of that name.
func (b *Before) CheckCompiles(ctx context.Context, is *compile.Dockerfile, o Options) error {
	if r := frontend(b.Doc(), is.Doc(), o); r != nil {
		return r
	}
	old, err := b.Targets()
	if err != nil {
		return unprovable("the file as it is does not parse: %v", err)
	}
	list, err := is.Targets()
	if err != nil {
		return reject("the text after does not parse: %v", err)
	}
	after, before := keys(list, is.Content()), keys(old, b.Content())
	changed := after
	if slices.Equal(before, after) {
		changed = touched(after, b.Dockerfile, is)
	}
	// What is the same text compiles as it did, which is the same for all fixes.
	compiles := func(ctx context.Context, o compile.Options) error {
		if !slices.ContainsFunc(changed, func(t target) bool { return t.key == o.Target }) && is.SameValues(b.Dockerfile, o) {
			return b.Compiles(ctx, o)
		}
		return is.Compiles(ctx, o)
	}
	for _, v := range variants(b.Dockerfile, is) {
		if _, err := v.shape(ctx, after, compiles); err != nil {
			if _, why := v.shape(ctx, before, b.Compiles); why != nil {
				return why
			}
			var r *Rejection
			if errors.As(err, &r) {
				r.Reason, r.Before = strings.Replace(r.Reason, "the file as it is", "the text after", 1), false
			}
			return err
		}
	}
	return ctx.Err()
}

// failed is the judgement on a text that does not compile. One that did not
// compile before proves nothing about the one after.
func failed(ctx context.Context, t target, when string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &Rejection{Reason: fmt.Sprintf("the text %s does not compile: %v", when, err), Target: t.label, Before: when == "before"}
}

// A target is a stage to compile.
type target struct {
	key   string // for compile.Options
	label string
}

func keys(list []compile.Target, text string) []target {
	out := make([]target, 0, len(list))
	for i, t := range list {
		one := target{key: fmt.Sprint(t.Index), label: fmt.Sprint(t.Index)}
		if t.Name != "" {
			one.label = t.Name
		}
		switch {
		case i == len(list)-1:
			one.key = ""
		case t.Own:
			one.key = t.Name
		}
		out = append(out, one)
	}
	// By its name the last stage is the same, but for this variable.
	if n := len(list); n > 0 && list[n-1].Own && strings.Contains(text, "TARGETSTAGE") {
		out = append(out, target{key: list[n-1].Name, label: out[n-1].label})
	}
	return out
}

// sameTargets lists the stages, which must be the same ones in the same order.
func sameTargets(before, after *compile.Dockerfile) ([]target, *Rejection) {
	was, err := before.Targets()
	if err != nil {
		return nil, unprovable("the file as it is does not parse: %v", err)
	}
	is, err := after.Targets()
	if err != nil {
		return nil, reject("the text after does not parse: %v", err)
	}
	if len(was) != len(is) {
		return nil, reject("there were %d stages and now there are %d", len(was), len(is))
	}
	for i := range was {
		if was[i].Name != is[i].Name {
			return nil, reject("stage %d was named %q and now is %q", i, was[i].Name, is[i].Name)
		}
	}
	return keys(was, before.Content()+after.Content()), nil
}

// touched leaves out the stages that are the same text in both and use no stage
// that is not: these build the same. The last one stays, so that something proves
// that the text compiles.
func touched(targets []target, was, is *compile.Dockerfile) []target {
	old, fresh := was.Stages(), is.Stages()
	if len(old.All) != len(fresh.All) || old.Head != fresh.Head || was.Doc().Escape != is.Doc().Escape {
		return targets
	}
	var differ []int
	for i := range old.All {
		if old.All[i].Text != fresh.All[i].Text {
			differ = append(differ, i)
		}
	}
	changed := old.Reached(differ)
	var out []target
	for i, t := range targets {
		if i >= len(changed) || changed[i] || i+1 == len(changed) {
			out = append(out, t)
		}
	}
	return out
}

// A variant is one way to compile a text.
type variant struct {
	base     compile.Base
	args     bool
	platform string
}

func variants(before, after *compile.Dockerfile) []variant {
	platforms := slices.Compact(slices.Sorted(slices.Values(append(before.Platforms(), after.Platforms()...))))
	args := []bool{false}
	if before.Arguments() || after.Arguments() {
		args = append(args, true)
	}
	var out []variant
	for _, p := range platforms {
		for _, a := range args {
			for _, b := range []compile.Base{compile.Bare, compile.Full} {
				out = append(out, variant{b, a, p})
			}
		}
	}
	return out
}

func (v variant) options(t target, s compile.Shape) compile.Options {
	return compile.Options{Target: t.key, Base: v.base, Args: v.args, Shape: s, Platform: v.platform}
}

// shape finds values for the build arguments with which every target compiles: a word
// is not a port, and a number is not a platform.
func (v variant) shape(ctx context.Context, targets []target, compiles func(context.Context, compile.Options) error) (compile.Shape, error) {
	shapes := []compile.Shape{compile.Likely, compile.Word, compile.Numeric}
	if !v.args {
		shapes = shapes[:1]
	}
	var first error
shape:
	for _, s := range shapes {
		for _, t := range targets {
			err := compiles(ctx, v.options(t, s))
			if err == nil {
				continue
			}
			if ctx.Err() != nil {
				return s, ctx.Err()
			}
			if first == nil {
				first = failed(ctx, t, "before", err)
			}
			continue shape
		}
		return s, nil
	}
	if r := (*Rejection)(nil); errors.As(first, &r) && v.args {
		r.Reason += " (with every build argument set)"
	}
	return 0, first
}

// declared are the changes that a fix may make, each once, and each known to change's
// own list.
type declared struct {
	joined   bool
	cleanups []change.Cleanup
	flags    []change.Flag
	mounts   []change.MountAdded
	splits   []change.CopySplit
	later    bool           // copies of folders moved
	dropped  []string       // clean-ups, or words of them, as they are written
	moved    []string       // clean-ups as they are written
	movedAt  map[string]int // each of them in moved
	lengths  []int          // of them
}

// move declares that a clean-up moved.
func (d *declared) move(command string) {
	if d.movedAt == nil {
		d.movedAt = map[string]int{}
	}
	d.movedAt[command] = len(d.moved)
	d.moved = append(d.moved, command)
	if at, ok := slices.BinarySearch(d.lengths, len(command)); !ok {
		d.lengths = slices.Insert(d.lengths, at, len(command))
	}
}

// movedFrom lists the clean-ups that moved and that a text may have lost: it begins or
// ends with them.
func (d *declared) movedFrom(text string) []string {
	var found []int
	for _, n := range d.lengths {
		if n > len(text) {
			break
		}
		for _, part := range []string{text[:n], text[len(text)-n:]} {
			if i, ok := d.movedAt[part]; ok {
				found = append(found, i)
			}
		}
	}
	slices.Sort(found)
	var out []string
	for _, i := range slices.Compact(found) {
		out = append(out, d.moved[i])
	}
	return out
}

func read(changes []change.Change) (*declared, *Rejection) {
	d := &declared{}
	seen := map[string]bool{}
	for _, c := range changes {
		if key := fmt.Sprintf("%T%q", c, c); seen[key] {
			continue
		} else {
			seen[key] = true
		}
		switch c := c.(type) {
		case change.Joined:
			d.joined = true
		case change.Cleaned:
			i := slices.IndexFunc(change.Cleanups(), func(k change.Cleanup) bool { return k.Command == c.Cleanup.Command && k.Manager == c.Cleanup.Manager })
			if i < 0 {
				return nil, reject("the clean-up %q is not a known one", c.Cleanup.Command)
			}
			d.cleanups = append(d.cleanups, change.Cleanups()[i])
		case change.FlagAdded:
			i := slices.IndexFunc(change.Flags(), func(k change.Flag) bool {
				return k.Program == c.Flag.Program && k.Verb == c.Flag.Verb && k.Text == c.Flag.Text
			})
			if i < 0 {
				return nil, reject("the flag %s %s %s is not a known one", c.Flag.Program, c.Flag.Verb, c.Flag.Text)
			}
			d.flags = append(d.flags, change.Flags()[i])
		case change.MountAdded:
			d.mounts = append(d.mounts, c)
		case change.CopySplit:
			d.splits = append(d.splits, c)
		case change.CopyMoved:
			d.later = true
		case change.CleanupDropped:
			d.dropped = append(d.dropped, c.Text)
		case change.CleanupMoved:
			d.move(c.Command)
		default:
			return nil, reject("a change of type %T is not known", c)
		}
	}
	return d, nil
}
