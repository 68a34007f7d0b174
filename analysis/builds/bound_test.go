package builds

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// What a bake file computes is evaluated as far as it stays small.
func TestBakeIsBounded(t *testing.T) {
	var doubling strings.Builder
	doubling.WriteString("variable \"v0\" { default = \"0123456789\" }\nvariable \"w0\" { default = [1] }\n")
	for i := range 40 {
		n, m := strconv.Itoa(i), strconv.Itoa(i+1)
		doubling.WriteString("variable \"v" + m + "\" { default = \"${v" + n + "}${v" + n + "}\" }\nvariable \"w" + m + "\" { default = [w" + n + ", w" + n + "] }\n")
	}
	doubling.WriteString(`target "a" {
  args = {
    SMALL = v3
    LARGE = v40
    LIST = join(",", flatten(w40))
    LOOP = join(",", [for a in ["x", "y"] : upper(a)])
    LOOPS = join(",", [for a in ["x", "y"] : join("", [for b in ["x", "y"] : a])])
    PAIRS = length(setproduct(["a", "b"], ["c", "d", "e"]))
    TRIPLES = length(setproduct(split("", "` + strings.Repeat("a", 900) + `"), split("", "` + strings.Repeat("a", 900) + `")))
  }
}
`)
	path := filepath.Join(t.TempDir(), "docker-bake.hcl")
	if err := os.WriteFile(path, []byte(doubling.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	all, err := Read(t.Context(), path)
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %d builds", err, len(all))
	}
	want := map[string]string{"SMALL": strings.Repeat("0123456789", 8), "LOOP": "X,Y", "PAIRS": "6"}
	for name, value := range all[0].Args {
		if want[name] != value {
			t.Errorf("%s is %.100q", name, value)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("%s is not known", name)
	}
}
