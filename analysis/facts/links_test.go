package facts_test

import "testing"

func TestIntoFolder(t *testing.T) {
	for text, want := range map[string]bool{
		"COPY a.sh /srv/":           true,
		"COPY a.sh /srv/.":          true,
		"COPY a.sh b.sh /srv":       true,
		"COPY a.sh .":               true,
		"COPY a.sh ./":              true,
		"COPY a.sh /":               true,
		"COPY a.sh /work":           true, // WORKDIR made it
		"COPY a.sh ../work":         true,
		"COPY a.sh $DIR":            true,
		`COPY ["a.sh", "/srv/"]`:    true,
		"ADD a.sh /srv/":            true,
		"COPY a.sh /srv":            false,
		"COPY a.sh srv":             false,
		"COPY a.sh /work/a.sh":      false,
		"COPY a.sh $UNKNOWN":        false,
		"COPY --chown=1 a.sh /srv":  false,
		"COPY --chown=1 a.sh /srv/": true,
	} {
		f := file(t, "FROM debian:12\nARG UNKNOWN\nENV DIR=/srv/\nWORKDIR /work\n"+text+"\n")
		in := f.Doc.Instructions[len(f.Doc.Instructions)-1]
		if got := f.IntoFolder(in); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}
