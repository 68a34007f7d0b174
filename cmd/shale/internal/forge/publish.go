package forge

import (
	"context"
	"net/http"

	"github.com/shale-build/shale/cmd/shale/internal/review"
)

// An Outcome is what Publish did.
type Outcome struct {
	Posted, Edited, Closed, Kept int
	Moved                        string // the commit that the branch went on to; nothing was posted
	Done                         bool   // the pull request is merged or closed; nothing was posted
}

// attempts bounds how often the state is read anew after a fault that leaves open
// what was done.
const attempts = 3

// Publish makes a pull request say what the review says, about the commit that was
// read. What earlier runs said is edited, closed or left as it is. After a fault in
// the middle the state is read again, so that nothing is said twice.
func Publish(ctx context.Context, f Forge, head string, want review.Review) (Outcome, error) {
	var out Outcome
	for attempt := 1; ; attempt++ {
		pull, err := f.Pull(ctx)
		if err != nil {
			return out, err
		}
		if pull.Head != head {
			return Outcome{Moved: pull.Head}, nil
		}
		if pull.Done {
			return Outcome{Done: true}, nil
		}
		was, err := f.Earlier(ctx)
		if err != nil {
			return out, err
		}
		plan := review.Reconcile(want, was)
		if attempt == 1 {
			out.Kept = plan.Kept
		}
		err = carryOut(ctx, f, pull, plan, &out)
		switch {
		case err == nil:
			// All that stand now, also those that a torn request posted after all.
			out.Posted = plan.Kept + len(plan.Post) + len(plan.Edit) - out.Kept - out.Edited
			return out, nil
		case ctx.Err() != nil:
			return out, ctx.Err()
		case attempt >= attempts:
			return out, err
		case !unsure(err) && status(err) != http.StatusUnprocessableEntity:
			// A commit that the branch left meanwhile is refused with 422.
			return out, err
		}
	}
}

// carryOut does what a plan says. New comments come first: what is closed after them
// has its successor.
func carryOut(ctx context.Context, f Forge, pull Pull, p review.Plan, out *Outcome) error {
	if len(p.Post) > 0 || p.Body != "" {
		if err := f.Post(ctx, pull, p.Body, p.Post); err != nil {
			return err
		}
	}
	for _, e := range p.Edit {
		if err := f.Edit(ctx, e); err != nil {
			return err
		}
		out.Edited++
	}
	for _, e := range p.Retire {
		if err := f.Retire(ctx, e); err != nil {
			return err
		}
		out.Closed++
	}
	if p.Tell != nil {
		return f.Tell(ctx, *p.Tell)
	}
	return nil
}
