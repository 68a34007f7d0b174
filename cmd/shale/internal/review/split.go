package review

import (
	"context"
	"slices"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/rewrite"
)

// A place is a finding as the planner knows it.
type place struct {
	rule string
	span source.Span
}

// Split takes the fixes of a Dockerfile apart into groups of which each can be
// accepted without the others: each result has passed the validator by itself, and
// all of them together are the whole, byte for byte.
func Split(ctx context.Context, in analysis.Input, o rewrite.Options, whole *rewrite.Result) ([]*rewrite.Result, error) {
	var places []place
	for _, a := range whole.Applied {
		if p := (place{a.Rule, a.Span}); !slices.Contains(places, p) {
			places = append(places, p)
		}
	}
	if len(places) < 2 {
		return []*rewrite.Result{whole}, nil
	}
	only := func(places []place) (*rewrite.Result, error) {
		alone := o
		alone.Pick = func(c rewrite.Candidate) bool {
			return (o.Pick == nil || o.Pick(c)) && slices.Contains(places, place{c.Rule, c.Span})
		}
		return rewrite.Fix(ctx, in, alone)
	}
	groups, err := apart(places, only)
	if err != nil || groups == nil {
		return []*rewrite.Result{whole}, err
	}
	var out []*rewrite.Result
	for i := range groups {
		g := &groups[i]
		if g.result == nil {
			r, err := only(g.places)
			if err != nil {
				return nil, err
			}
			g.result = r
		}
		out = append(out, g.result)
	}
	if !together(whole, out) {
		return []*rewrite.Result{whole}, nil
	}
	return out, nil
}

// apart makes groups of fixes; nil where it cannot tell what belongs together.
func apart(places []place, only func([]place) (*rewrite.Result, error)) (groups []group, err error) {
	var needy []place // that only another fix makes possible
	for _, p := range places {
		r, err := only([]place{p})
		if err != nil {
			return nil, err
		}
		if len(r.Applied) == 0 {
			needy = append(needy, p)
			continue
		}
		groups = join(groups, group{[]place{p}, hullOf(r), othersOf(r), r})
	}
	for _, p := range needy {
		at := -1
		for i, g := range groups {
			r, err := only(append(slices.Clone(g.places), p))
			if err != nil {
				return nil, err
			}
			if made := slices.ContainsFunc(r.Applied, func(a rewrite.Applied) bool { return p == place{a.Rule, a.Span} }); made {
				at = i
				groups = join(slices.Delete(groups, at, at+1), group{append(g.places, p), hullOf(r), othersOf(r), r})
				break
			}
		}
		if at < 0 {
			return nil, nil
		}
	}
	return groups, nil
}

// A group is fixes that touch each other's lines, or the same other file.
type group struct {
	places []place
	hull   rewrite.LineChange // from the first line that they change to the last
	others []string
	result *rewrite.Result // nil while it is not known
}

// join puts a group among others, with those that it touches made one with it.
func join(groups []group, g group) []group {
	var out []group
	for _, other := range groups {
		shared := slices.ContainsFunc(other.others, func(path string) bool { return slices.Contains(g.others, path) })
		if !shared && (g.hull.ToA < other.hull.FromA || other.hull.ToA < g.hull.FromA) {
			out = append(out, other)
			continue
		}
		g.places = append(other.places, g.places...)
		g.hull.FromA, g.hull.ToA = min(g.hull.FromA, other.hull.FromA), max(g.hull.ToA, other.hull.ToA)
		g.others = append(g.others, other.others...)
		g.result = nil
	}
	out = append(out, g)
	slices.SortStableFunc(out, func(a, b group) int { return a.hull.FromA - b.hull.FromA })
	return out
}

func othersOf(r *rewrite.Result) (paths []string) {
	for _, o := range r.Others {
		paths = append(paths, o.Path)
	}
	return paths
}

// hullOf is the stretch from the first line that a fix changes to the last.
func hullOf(r *rewrite.Result) rewrite.LineChange {
	changes := rewrite.LineChanges(r.Before, r.After)
	if len(changes) == 0 {
		return rewrite.LineChange{}
	}
	first, last := changes[0], changes[len(changes)-1]
	return rewrite.LineChange{FromA: first.FromA, ToA: last.ToA, FromB: first.FromB, ToB: last.ToB}
}

// together reports whether the parts, applied at once, make the whole.
func together(whole *rewrite.Result, parts []*rewrite.Result) bool {
	before := lines(whole.Before)
	text, at, others := "", 0, 0
	for _, p := range parts {
		after := lines(p.After)
		others += len(p.Others)
		for _, c := range rewrite.LineChanges(p.Before, p.After) {
			if c.FromA < at {
				return false
			}
			text += concat(before[at:c.FromA]) + concat(after[c.FromB:c.ToB])
			at = c.ToA
		}
	}
	return text+concat(before[at:]) == whole.After && others == len(whole.Others)
}
