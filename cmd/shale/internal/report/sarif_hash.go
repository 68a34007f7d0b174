package report

import (
	"fmt"
	"slices"
	"unicode/utf16"
)

// lineHashes computes the primaryLocationLineHash of lines, counted from 1, as
// GitHub's upload action does: it warns of each one that differs. A line is known
// by the hundred characters from its first one on that are no blanks, and by how many
// lines down to it begin with these.
func lineHashes(content string, lines []int) map[int]string {
	if len(lines) == 0 {
		return nil
	}
	text, last := compact(content), slices.Max(lines)
	wanted := make(map[int]bool, len(lines))
	for _, l := range lines {
		wanted[l] = true
	}
	count := map[uint64]int{}
	eachLine(text, last, func(line int, hash uint64) {
		if wanted[line] {
			count[hash] = 0
		}
	})
	out := make(map[int]string, len(lines))
	eachLine(text, last, func(line int, hash uint64) {
		n, known := count[hash]
		if !known {
			return
		}
		count[hash] = n + 1
		if wanted[line] {
			out[line] = fmt.Sprintf("%x:%d", hash, n+1)
		}
	})
	return out
}

const hashWindow = 100

// compact is a text in UTF-16 without blanks, every line end "\n", then the end of the
// file and a window of nothing.
func compact(content string) []uint16 {
	const eof = 0xFFFF
	text := make([]uint16, 0, len(content)+1+hashWindow)
	afterCR := false
	for _, r := range content {
		switch {
		case r == ' ' || r == '\t' || r == '\n' && afterCR:
		case r == '\r':
			text = append(text, '\n')
		default:
			text = utf16.AppendRune(text, r)
		}
		afterCR = r == '\r'
	}
	return append(append(text, eof), make([]uint16, hashWindow)...)
}

// eachLine calls do with the hash of each line down to the last that is wanted.
func eachLine(text []uint16, last int, do func(line int, hash uint64)) {
	const factor = 37
	hash, high := uint64(0), uint64(1) // high is factor to the power of the window
	for _, u := range text[:hashWindow] {
		hash = hash*factor + uint64(u)
		high *= factor
	}
	line := 0
	for i := range len(text) - hashWindow {
		if i == 0 || text[i-1] == '\n' {
			line++
			do(line, hash)
			if line == last {
				return
			}
		}
		hash = hash*factor + uint64(text[i+hashWindow]) - high*uint64(text[i])
	}
}
