package lazyregexp

import "testing"

// In a test binary, where this is one, a mistake shows without being used.
func TestMistakeShowsInTests(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a broken expression was taken")
		}
	}()
	New(`(`)
}

func TestUse(t *testing.T) {
	r := New(`a(b*)`)
	if got := r.FindStringSubmatch("xabbx"); len(got) != 2 || got[1] != "bb" {
		t.Errorf("got %q", got)
	}
}
