//go:build !linux

package rewrite

// keepAttributes does nothing: the standard library reads them on Linux alone.
func keepAttributes(to, from string) {}
