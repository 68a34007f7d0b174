package pool

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

func numbers(n int) []int {
	var out []int
	for i := range n {
		out = append(out, i)
	}
	return out
}

func TestInOrder(t *testing.T) {
	items := numbers(500)
	var got []int
	var begun, told atomic.Int64
	InOrder(t.Context(), slices.Values(items), func(i int) int {
		// The first is slow: the results that wait for it are few.
		if i == 0 {
			time.Sleep(50 * time.Millisecond)
		}
		if wait := begun.Add(1) - told.Load(); wait > int64(6*runtime.GOMAXPROCS(0)+2) {
			t.Errorf("%d results wait", wait)
		}
		time.Sleep(time.Duration(rand.IntN(100)) * time.Microsecond)
		return i
	}, func(i int) {
		told.Add(1)
		got = append(got, i)
	})
	if !slices.Equal(got, items) {
		t.Errorf("got %v", got)
	}
	InOrder(t.Context(), slices.Values[[]int](nil), func(int) int { panic("no item") }, func(int) { panic("no item") })
}

// After the end of the context what has begun is told and nothing more begins.
func TestInOrderEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var begun atomic.Int64
	told := 0
	InOrder(ctx, slices.Values(numbers(1000)), func(i int) int {
		begun.Add(1)
		return i
	}, func(i int) {
		told++
		if i == 9 {
			cancel()
		}
	})
	if n := int(begun.Load()); n != told || n > 10+6*runtime.GOMAXPROCS(0) {
		t.Errorf("%d begun, %d told", n, told)
	}
}
