package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/shale-build/shale/rewrite"
)

// blame finds the fixes that make the difference: the shortest run of fixes from
// the top that makes one ends with a culprit; without it the rest is tried again.
func (v *verifier) blame(ctx context.Context) error {
	if v.Fixed == nil || v.Refix == nil {
		return nil
	}
	fixes := slices.Clone(v.Fixed.Applied)
	first := true // all together are known to differ
	for len(fixes) > 0 {
		if !first || len(fixes) < len(v.Fixed.Applied) {
			differs, err := v.differs(ctx, fixes)
			if err != nil || !differs {
				return err
			}
		}
		first = false
		low, high := 1, len(fixes) // the first `high` differ
		for low < high {
			mid := (low + high) / 2
			differs, err := v.differs(ctx, fixes[:mid])
			if err != nil {
				return err
			}
			if differs {
				high = mid
			} else {
				low = mid + 1
			}
		}
		v.report.Blame = append(v.report.Blame, fixOf(fixes[high-1]))
		fixes = slices.Delete(slices.Clone(fixes), high-1, high)
	}
	return nil
}

// differs reports whether some of the fixes, made alone, make a difference.
func (v *verifier) differs(ctx context.Context, fixes []rewrite.Applied) (bool, error) {
	result, err := v.Refix(ctx, func(c rewrite.Candidate) bool {
		return slices.ContainsFunc(fixes, func(a rewrite.Applied) bool { return a.Candidate == c })
	})
	if err != nil {
		return false, err
	}
	recipe, err := v.recipeOf(result.After, result)
	if err != nil || len(result.Applied) == 0 {
		return false, err
	}
	r, err := v.one(ctx, v.cold(fmt.Sprintf("after with %d of %d fixes", len(fixes), len(v.Fixed.Applied)), recipe, false))
	if b, ok := errors.AsType[*broken](err); ok && ctx.Err() == nil {
		if f := v.told(ctx, b); f.Kind != "after" {
			return false, err
		}
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return v.blamed(v.compare([]*built{r.image})), nil
}

// blamed reports whether what was found is part of what is to be explained: all
// else may be chance.
func (v *verifier) blamed(f found) bool {
	if len(v.report.Differences) == 0 && len(v.report.Config) == 0 { // after does not build
		return f.different()
	}
	return slices.ContainsFunc(f.files.differences, func(d Difference) bool {
		return slices.ContainsFunc(v.report.Differences, func(known Difference) bool { return d.within(known.Path) })
	}) || slices.ContainsFunc(f.config, func(d ConfigDifference) bool {
		return slices.ContainsFunc(v.report.Config, func(known ConfigDifference) bool { return d.Field == known.Field })
	})
}
