package buildctx

import "testing"

func TestCompiles(t *testing.T) {
	for name, c := range map[string]struct {
		lock            string
		compiles, known bool
	}{
		"without names":  {`{"lockfileVersion": 3, "packages": {"": {}, "web": {"version": "1.0.0"}, "node_modules/web": {"link": true}}}`, false, true},
		"a quiet script": {`{"lockfileVersion": 3, "packages": {"a/node_modules/esbuild": {"hasInstallScript": true}}}`, false, true},
		"a script":       {`{"lockfileVersion": 3, "packages": {"node_modules/@a/b": {"hasInstallScript": true}}}`, true, true},
		"its own script": {`{"lockfileVersion": 2, "packages": {"": {"hasInstallScript": true}}}`, true, true},
		"an old lock":    {`{"lockfileVersion": 1}`, false, false},
		"no lock":        {`{`, false, false},
	} {
		context := at(t, tree(t, "-- package-lock.json --\n"+c.lock+"\n"))
		if compiles, known := context.Compiles("."); compiles != c.compiles || known != c.known {
			t.Errorf("%s: compiles %v, known %v", name, compiles, known)
		}
	}
}
