//go:build peer || soak

package lsp_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"
)

// memory is the most that a process held, and what it holds, in MB.
func memory(t *testing.T, pid int) (high, now int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Log(err)
		return 0, 0
	}
	field := func(name string) int {
		m := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(text)
		if m == nil {
			return 0
		}
		kb, _ := strconv.Atoi(string(m[1]))
		return kb / 1000
	}
	return field("VmHWM"), field("VmRSS")
}
