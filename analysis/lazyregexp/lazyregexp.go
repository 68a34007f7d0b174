// Package lazyregexp compiles regular expressions when they are first used: seventy of
// them cost each start of the program more than its own work on a small file.
package lazyregexp

import (
	"os"
	"regexp"
	"strings"
	"sync"
)

// A Regexp is a regular expression of the program's own text. It may be used by
// several goroutines at once.
type Regexp struct {
	text string
	once sync.Once
	rx   *regexp.Regexp
}

var inTest = len(os.Args) > 0 && strings.HasSuffix(strings.TrimSuffix(os.Args[0], ".exe"), ".test")

// New returns the regular expression of a text. One that is none panics at its first
// use; in tests at once.
func New(text string) *Regexp {
	r := &Regexp{text: text}
	if inTest {
		r.re()
	}
	return r
}

func (r *Regexp) re() *regexp.Regexp {
	r.once.Do(func() { r.rx = regexp.MustCompile(r.text) })
	return r.rx
}

// MatchString is as [regexp.Regexp]'s.
func (r *Regexp) MatchString(s string) bool { return r.re().MatchString(s) }

// FindString is as [regexp.Regexp]'s.
func (r *Regexp) FindString(s string) string { return r.re().FindString(s) }

// FindStringIndex is as [regexp.Regexp]'s.
func (r *Regexp) FindStringIndex(s string) []int { return r.re().FindStringIndex(s) }

// FindStringSubmatch is as [regexp.Regexp]'s.
func (r *Regexp) FindStringSubmatch(s string) []string { return r.re().FindStringSubmatch(s) }

// FindStringSubmatchIndex is as [regexp.Regexp]'s.
func (r *Regexp) FindStringSubmatchIndex(s string) []int { return r.re().FindStringSubmatchIndex(s) }

// FindAllString is as [regexp.Regexp]'s.
func (r *Regexp) FindAllString(s string, n int) []string { return r.re().FindAllString(s, n) }

// FindAllStringSubmatch is as [regexp.Regexp]'s.
func (r *Regexp) FindAllStringSubmatch(s string, n int) [][]string {
	return r.re().FindAllStringSubmatch(s, n)
}

// ReplaceAllString is as [regexp.Regexp]'s.
func (r *Regexp) ReplaceAllString(s, with string) string { return r.re().ReplaceAllString(s, with) }

// ReplaceAllStringFunc is as [regexp.Regexp]'s.
func (r *Regexp) ReplaceAllStringFunc(s string, f func(string) string) string {
	return r.re().ReplaceAllStringFunc(s, f)
}

// Match is as [regexp.Regexp]'s.
func (r *Regexp) Match(b []byte) bool { return r.re().Match(b) }
