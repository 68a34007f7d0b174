package compile

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var folder = flag.String("dockerfiles", "", "a `folder` of more Dockerfiles, each target of which is compiled from the whole text too")

// What may name a stage: each in many ways, some of which BuildKit takes for an image.
var (
	bases = []string{
		"debian:12", "scratch", "NAME", "NAME", "NAME", "NAME", "NAME", "NAME", "NAME", "N\"AM\"E", "'NAME'", "N\\AME", "$V", "${V}", "${V:-NAME}", "${W:-NAME}", "${W:-${V}}", "NA${E}", "node:${V}", "img/NAME", "NAME:1", "NA\\\nME", "upper(NAME)",
	}
	uses = []string{
		"COPY --from=NAME /a /b", "COPY --from=NUMBER /a /b", "COPY --from=\"NAME\" /a /b", "COPY --chown=1 --from=NAME --link /a /b", "COPY --fr\\\nom=NA\\\nME /a /b", "COPY --from=$V /a /b",
		"RUN --mount=type=bind,from=NAME,target=/x make", "RUN --mount=type=cache,target=/x,from=NUMBER make", "RUN --mount=from=\"NAME\",target=/x make", "RUN --mount=\"from=NAME\",target=/x make",
		"RUN --mount=from=$V,target=/x make", "RUN --mount=from=NA${E},target=/x make", "ONBUILD COPY --from=NAME /a /b", "ONBUILD RUN --mount=from=NAME,target=/x make", "ADD NAME /x",
		"RUN make", "COPY . .", "ENV A=$V", "ARG V", "ARG E=me", "RUN <<EOF\nFROM NAME\nCOPY --from=NAME /a /b\nEOF", "# COPY --from=NAME", "USER NAME", "LABEL a=$TARGETSTAGE", "CMD [\"x\"]", "RUN echo $TARGETSTAGE",
	}
	names = []string{"name", "other", "name-two", "n", "last", "", "", "name"}
)

// TestNarrowed compiles each target of texts from what it may use alone, and from the
// whole text: both come to the same.
func TestNarrowed(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	if n, _ := narrow(t, "FROM debian:12 AS one\nFROM debian:12 AS two\nONBUILD COPY --from=one /a /b\nFROM two AS three\nFROM debian:12 AS four\n"); n == 0 {
		t.Error("a trigger's stage is not left out of the whole")
	}
	narrowed, compared := 0, 0
	for range 1000 {
		text := random(r)
		n, c := narrow(t, text)
		narrowed, compared = narrowed+n, compared+c
	}
	if t.Logf("%d of %d targets were compiled from less", narrowed, compared); narrowed < 400 || narrowed > compared-400 {
		t.Error("the texts try too little")
	}
	if *folder == "" {
		return
	}
	narrowed, compared = 0, 0
	if err := filepath.WalkDir(*folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		n, c := narrow(t, string(text))
		narrowed, compared = narrowed+n, compared+c
		return err
	}); err != nil {
		t.Error(err)
	}
	t.Logf("%s: %d of %d targets were compiled from less", *folder, narrowed, compared)
}

func random(r *rand.Rand) string {
	pick := func(all []string) string { return all[r.IntN(len(all))] }
	stages := 2 + r.IntN(4)
	named := make([]string, stages)
	for i := range named {
		named[i] = pick(names)
	}
	fill := func(s string) string {
		name := strings.ToUpper(pick(named))
		if r.IntN(3) > 0 {
			name = strings.ToLower(name)
		}
		if name == "" {
			name = "absent"
		}
		s = strings.ReplaceAll(s, "upper(NAME)", strings.ToUpper(name))
		s = strings.ReplaceAll(s, "NA${E}", name[:1]+"${E}")
		s = strings.ReplaceAll(s, "NA\\\nME", name[:1]+"\\\n"+name[1:])
		s = strings.ReplaceAll(s, "N\"AM\"E", name[:1]+"\""+name[1:]+"\"")
		s = strings.ReplaceAll(s, "N\\AME", name[:1]+"\\"+name[1:])
		return strings.NewReplacer("NAME", name, "NUMBER", fmt.Sprint(r.IntN(stages))).Replace(s)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "ARG V=%s\nARG E=%s\n", pick([]string{"name", "other", "12", "last", "debian"}), pick([]string{"ame", "ther", "ast"}))
	for i := range stages {
		base := "debian:12"
		if i > 0 && r.IntN(3) > 0 {
			base = fill(pick(bases))
		}
		fmt.Fprintf(&b, "FROM %s", base)
		if named[i] != "" {
			fmt.Fprintf(&b, " AS %s", named[i])
		}
		b.WriteString("\n")
		if r.IntN(3) == 0 {
			b.WriteString("ARG V\nARG E\n")
		}
		for range r.IntN(4) {
			b.WriteString(fill(pick(uses)) + "\n")
		}
	}
	return b.String()
}

// narrow compares a text's targets, and counts those of which something was left out.
func narrow(t *testing.T, text string) (narrowed, compared int) {
	t.Helper()
	d := New(text)
	list, err := d.Targets()
	if err != nil {
		return 0, 0
	}
	for _, target := range list {
		o := Options{Target: fmt.Sprint(target.Index)}
		if target.Own {
			o.Target = target.Name
		}
		whole, name, less, err := d.narrow(o.Target)
		if err != nil {
			t.Fatal(err)
		}
		for _, o.Args = range []bool{false, true} {
			for _, o.Base = range []Base{Bare, Full} {
				res, def, err := d.marshalText(context.Background(), whole, name, o, true)
				if err != nil {
					continue
				}
				compared++
				if less == "" {
					continue
				}
				narrowed++
				res2, def2, err := d.marshalText(context.Background(), less, name, o, true)
				if err != nil {
					t.Errorf("stage %s: %v\n%s\n--- less:\n%s", o.Target, err, text, less)
					return narrowed, compared
				}
				image, _ := imageConfig(res)
				image2, _ := imageConfig(res2)
				if a, b := fmt.Sprintf("%q", def.Def), fmt.Sprintf("%q", def2.Def); a != b || image != image2 {
					t.Errorf("stage %s is another one\n%s\n--- less:\n%s", o.Target, text, less)
					return narrowed, compared
				}
			}
		}
	}
	return narrowed, compared
}
