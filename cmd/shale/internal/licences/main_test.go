package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../../../.."

// The page names what is compiled in now, and each has a licence that may be.
func TestPage(t *testing.T) {
	mods, err := modules(root)
	if err != nil {
		t.Fatal(err)
	}
	want, err := page(mods)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, pagePath))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is stale, run `make docs` (-want +got)\n%s", pagePath, diff)
	}
	notices, err := texts(mods)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mods {
		if !strings.Contains(notices, "\n"+m.Path+" "+m.Version+"\n") {
			t.Errorf("the notices leave %s out", m.Path)
		}
	}
	if !strings.Contains(notices, "Copyright 2009 The Go Authors") {
		t.Error("the notices leave Go out")
	}
}

func TestRecognize(t *testing.T) {
	bsd := "Redistribution and use in source and binary forms, with or without\nmodification, are permitted provided that"
	for text, want := range map[string][]string{
		"GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007": nil,
		"":  nil,
		bsd: {"BSD-2-Clause"},
		bsd + " the names are not used to endorse or promote\nproducts derived from it": {"BSD-3-Clause"},
		"Licensed under the MIT license, see there.":                                    nil,
	} {
		if got := recognize(text); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// A module without a licence that is known is refused, with its folder.
func TestUnknownLicence(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "LICENSE"), []byte("All rights reserved."), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := read(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v", err)
	}
}
