// Package enginetest starts a BuildKit for tests, built from the version that
// Shale's module pins; on Linux, as root.
package enginetest
