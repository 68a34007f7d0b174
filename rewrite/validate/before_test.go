package validate

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What one text before is asked of all rewrites of it is what each is asked alone.
func TestBefore(t *testing.T) {
	befores := map[string]*Before{}
	again := 0
	for _, rw := range append(rights[:len(rights):len(rights)], wrongs...) {
		b := befores[rw.before]
		if b == nil {
			b = Of(rw.before)
			befores[rw.before] = b
		} else {
			again++
		}
		err := b.Check(t.Context(), b.After(rw.after(t)), rw.changes, Options{})
		if (err != nil) != (rw.reason != "") || err != nil && !strings.Contains(err.Error(), rw.reason) {
			t.Errorf("%s: %v", rw.name, err)
		}
	}
	if again == 0 {
		t.Error("no two rewrites are of one text")
	}
}

// A stage that a rewrite leaves as it is compiles as it did, once for all rewrites,
// unless it stands on one that changed or its arguments are others.
func TestCompilesPartly(t *testing.T) {
	const before = "ARG V=1\nFROM a AS x\nRUN a\nFROM b AS y\nARG P=80\nEXPOSE $P\nFROM x AS z\nRUN c\nFROM c\nRUN d\n"
	b := Of(before)
	for _, c := range []struct{ old, fresh, stage string }{
		{"RUN c", "RUN e", ""},
		{"RUN a", "EXPOSE eighty", "x"},
		{"RUN c", "EXPOSE eighty", "z"},
		{"RUN d", "EXPOSE eighty", "3"},
		{"P=80", "P=eighty", "y"},
		{"RUN d", "ARG P=eighty\nRUN d", ""},
		{"ARG V=1", "ARG V=2 P=eighty", ""},
	} {
		after := strings.Replace(before, c.old, c.fresh, 1)
		err := b.CheckCompiles(t.Context(), b.After(after), Options{})
		alone := CheckCompiles(t.Context(), before, after, Options{})
		if diff := cmp.Diff(alone, err); diff != "" {
			t.Errorf("%s: %s", c.fresh, diff)
		}
		r := (*Rejection)(nil)
		if errors.As(err, &r); (r == nil) != (c.stage == "") || r != nil && (r.Target != c.stage || r.Before) {
			t.Errorf("%s: %v", c.fresh, err)
		}
	}
	broken := Of(strings.Replace(before, "$P", "eighty", 1))
	r := (*Rejection)(nil)
	if err := broken.CheckCompiles(t.Context(), broken.After(strings.Replace(broken.Content(), "RUN d", "RUN e", 1)), Options{}); !errors.As(err, &r) || !r.Before || r.Target != "y" {
		t.Errorf("a text that does not compile as it is: %v", err)
	}
}
