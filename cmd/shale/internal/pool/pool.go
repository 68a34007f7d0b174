// Package pool works on many items at once and tells of each in their order.
package pool

import (
	"context"
	"iter"
	"runtime"
	"sync"
)

// InOrder works on items in parallel and hands each result to emit in the order
// of the items, as soon as it and all before it are there. Only a few results
// wait at a time, so memory does not grow with the number of items. After ctx
// ends no item is begun; those that were begun are finished and emitted.
func InOrder[T, R any](ctx context.Context, items iter.Seq[T], work func(T) R, emit func(R)) {
	type job struct {
		item   T
		result chan R
	}
	workers := runtime.GOMAXPROCS(0)
	todo := make(chan job)
	waiting := make(chan chan R, 4*workers)
	go func() {
		defer close(todo)
		defer close(waiting)
		for item := range items {
			if ctx.Err() != nil {
				return
			}
			j := job{item, make(chan R, 1)}
			waiting <- j.result
			todo <- j
		}
	}()
	var busy sync.WaitGroup
	for range workers {
		busy.Go(func() {
			for j := range todo {
				j.result <- work(j.item)
			}
		})
	}
	for result := range waiting {
		emit(<-result)
	}
	busy.Wait()
}
