package validate

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/shale-build/shale/analysis/change"
)

// A largeRewriting is a rewriting of any number of parts.
type largeRewriting struct {
	name          string
	before, after func(n int) string
	changes       func(n int) []change.Change
	most          int // parts that must take a few seconds at most
}

// parts writes one text for each number below n.
func parts(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// each makes a text of such parts behind a head.
func each(head, format string) func(int) string {
	return func(n int) string { return head + parts(n, format) }
}

func always(c []change.Change) func(int) []change.Change {
	return func(int) []change.Change { return c }
}

func eachMoved(format string) func(int) []change.Change {
	return func(n int) []change.Change {
		var out []change.Change
		for i := range n {
			out = append(out, moved(fmt.Sprintf(format, i))...)
		}
		return out
	}
}

var largeRewritings = []largeRewriting{
	{"flags",
		each("FROM python:3.12\n", "RUN pip install p%d\n"),
		each("FROM python:3.12\n", "RUN pip install --no-cache-dir p%d\n"),
		always(pip), 2000},
	{"joined",
		each("FROM debian:12\n", "RUN apt-get update\nRUN apt-get install -y p%d\nCOPY %[1]d /x/%[1]d\n"),
		each("FROM debian:12\n", "RUN apt-get update && apt-get install -y p%d\nCOPY %[1]d /x/%[1]d\n"),
		always(joined), 1000},
	{"joined and cleaned",
		each("FROM debian:12\n", "RUN apt-get update\nRUN apt-get install -y p%d\nCOPY %[1]d /x/%[1]d\n"),
		each("FROM debian:12\n", "RUN apt-get update && apt-get install -y p%d && rm -rf /var/lib/apt/lists/*\nCOPY %[1]d /x/%[1]d\n"),
		always(all(joined, apt)), 1000},
	{"neighbours joined",
		each("FROM debian:12\n", "RUN mkdir /x%d\nRUN ls /x%[1]d\n"),
		each("FROM debian:12\n", "RUN mkdir /x%d && ls /x%[1]d\n"),
		always(joined), 1000},
	{"all joined",
		each("FROM debian:12\nRUN apt-get update", "\nRUN apt-get install -y p%d"),
		each("FROM debian:12\nRUN apt-get update", " && apt-get install -y p%d"),
		always(joined), 200},
	{"cleaned",
		func(n int) string {
			return "FROM debian:12\nRUN apt-get update && apt-get install -y curl" + parts(n, " \\\n && echo %d >> /opt/list") + "\n"
		},
		func(n int) string {
			return "FROM debian:12\nRUN apt-get update && apt-get install -y curl" + parts(n, " \\\n && echo %d >> /opt/list") + " && rm -rf /var/lib/apt/lists/*\n"
		},
		always(apt), 2000},
	{"mounted",
		each("FROM debian:12\n", "RUN apt-get update && apt-get install -y p%d\n"),
		each("FROM debian:12\n", "RUN --mount=type=cache,target=/var/lib/apt/lists,sharing=locked --mount=type=cache,target=/var/cache/apt,sharing=locked apt-get update && apt-get install -y p%d\n"),
		always(aptPair), 1000},
	{"moved",
		each("FROM debian:12\n", "RUN curl -o /tmp/%d.tgz https://e.com/%[1]d && tar -xzf /tmp/%[1]d.tgz -C /opt\nCOPY %[1]d /app/%[1]d\nRUN rm -rf /tmp/%[1]d.tgz\n"),
		each("FROM debian:12\n", "RUN curl -o /tmp/%d.tgz https://e.com/%[1]d && tar -xzf /tmp/%[1]d.tgz -C /opt && rm -rf /tmp/%[1]d.tgz\nCOPY %[1]d /app/%[1]d\n"),
		eachMoved("rm -rf /tmp/%d.tgz"), 500},
	{"moved far",
		func(n int) string {
			return "FROM debian:12\n" + parts(n, "RUN curl -o /tmp/%d.gz https://e.com/%[1]d && zcat /tmp/%[1]d.gz > /opt/%[1]d\nCOPY %[1]d /app/%[1]d\n") + parts(n, "RUN rm -rf /tmp/%d.gz\n")
		},
		each("FROM debian:12\n", "RUN curl -o /tmp/%d.gz https://e.com/%[1]d && zcat /tmp/%[1]d.gz > /opt/%[1]d && rm -rf /tmp/%[1]d.gz\nCOPY %[1]d /app/%[1]d\n"),
		eachMoved("rm -rf /tmp/%d.gz"), 200},
	{"moved to one",
		func(n int) string {
			return "FROM debian:12\nRUN curl -o /opt/x https://e.com/x" + parts(n, " && curl -o /tmp/%d.tgz https://e.com/%[1]d") + parts(n, "\nCOPY %d /app/%[1]d\nRUN rm -rf /tmp/%[1]d.tgz")
		},
		func(n int) string {
			return "FROM debian:12\nRUN curl -o /opt/x https://e.com/x" + parts(n, " && curl -o /tmp/%d.tgz https://e.com/%[1]d") + parts(n, " && rm -rf /tmp/%d.tgz") + parts(n, "\nCOPY %d /app/%[1]d")
		},
		eachMoved("rm -rf /tmp/%d.tgz"), 100},
	{"stages",
		each("FROM debian:12 AS s\n", "FROM s AS s%d\nRUN apt-get update\nRUN apt-get install -y p%[1]d\n"),
		each("FROM debian:12 AS s\n", "FROM s AS s%d\nRUN apt-get update && apt-get install -y p%[1]d\n"),
		always(joined), 100},
}

// check judges the rewriting of n parts, one of them wrong or none.
func (l largeRewriting) check(t testing.TB, n int, wrong bool) error {
	after := l.after(n)
	if wrong {
		after = strings.Replace(after, fmt.Sprint(n/2), fmt.Sprint(n/2+n), 1)
	}
	start := time.Now()
	err := Check(t.Context(), l.before(n), after, l.changes(n), Options{Frontend: "1.7"})
	t.Logf("%d parts, wrong %v: %v %v", n, wrong, time.Since(start).Round(time.Millisecond), err)
	return err
}

// Neither a right rewrite of a large file nor a wrong one may take long. The bound is
// for a machine that is slow and busy.
func TestLarge(t *testing.T) {
	const bound = 2 * time.Minute
	for _, l := range largeRewritings {
		t.Run(l.name, func(t *testing.T) {
			n := l.most / 2
			if os.Getenv("SHALE_TEST_ALL") == "" {
				n = l.most / 8
			}
			start := time.Now()
			if err := l.check(t, n, false); err != nil {
				t.Errorf("rejected: %v", err)
			}
			var r *Rejection
			if err := l.check(t, n, true); !errors.As(err, &r) {
				t.Errorf("a wrong one: %v", err)
			}
			if took := time.Since(start); took > bound {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func BenchmarkLarge(b *testing.B) {
	for _, l := range largeRewritings {
		for _, n := range []int{l.most / 4, l.most} {
			b.Run(fmt.Sprintf("%s/%d", l.name, n), func(b *testing.B) {
				before, after, changes := l.before(n), l.after(n), l.changes(n)
				for b.Loop() {
					if err := Check(b.Context(), before, after, changes, Options{Frontend: "1.7"}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
