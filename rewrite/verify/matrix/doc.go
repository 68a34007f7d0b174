// Package matrix proves the rules by building every case of testdata/verify, before
// and after, on a real BuildKit.
package matrix
