package report

import (
	"fmt"
	"unicode/utf16"
)

// lineHashes computes the primaryLocationLineHash of each line, from 1, as
// GitHub's upload action does: it warns of each one that differs. A line is known
// by the hundred characters from its first one on that are no blanks.
func lineHashes(content string) map[int]string {
	const window, factor, eof = 100, 37, 0xFFFF
	var text []uint64 // without blanks, every line end "\n"
	var starts []int  // of lines, in text
	fresh, afterCR := true, false
	add := func(unit uint64) {
		if fresh {
			starts = append(starts, len(text))
		}
		fresh = unit == '\n'
		text = append(text, unit)
	}
	for _, u := range utf16.Encode([]rune(content)) {
		skip := u == ' ' || u == '\t' || u == '\n' && afterCR
		afterCR = u == '\r'
		switch {
		case skip:
		case afterCR:
			add('\n')
		default:
			add(uint64(u))
		}
	}
	add(eof)
	text = append(text, make([]uint64, window)...)

	out := make(map[int]string, len(starts))
	count := map[uint64]int{}
	for i, start := range starts {
		var hash uint64
		for _, u := range text[start : start+window] {
			hash = hash*factor + u
		}
		count[hash]++
		out[i+1] = fmt.Sprintf("%x:%d", hash, count[hash])
	}
	return out
}
