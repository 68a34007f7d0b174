// Command licences tells what is compiled into shale and under which licence:
// docs/dependencies.md, or with -notices FILE the texts that a release ships.
// Run it at the root of the repository.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	notices := flag.String("notices", "", "write the licences' own texts to this `FILE`, and no page")
	flag.Parse()
	if err := write(".", *notices); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

// write makes the page below root or, where it is named, the file of texts.
func write(root, notices string) error {
	mods, err := modules(root)
	if err != nil {
		return err
	}
	path, text := notices, ""
	if notices != "" {
		text, err = texts(mods)
	} else {
		path = filepath.Join(root, pagePath)
		text, err = page(mods)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
