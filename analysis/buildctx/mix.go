package buildctx

import "path"

var mix = Installer{
	Name:    "mix",
	reads:   func(c Install) bool { return c.Word == "deps.get" && len(c.Names) == 0 },
	world:   func(c *Context, dir string, _ Install) World { return c.Mix(dir) },
	guess:   files("mix.exs", "mix.lock"),
	options: "--only --check-locked --no-archives-check",
}

// Mix is the world of "mix deps.get": mix.exs, mix.lock and the configuration, all of
// them programs, of which no more is known than that people copy them first.
func (c *Context) Mix(dir string) World {
	b := newBuilder(c)
	dir, ok := b.folder(dir)
	if !ok {
		return b.done()
	}
	if p := path.Join(dir, "mix.exs"); b.find(p) == missing {
		b.refuse(Refusal{Reason: "the build context holds no " + p, Path: p, Hard: true})
	}
	for _, f := range []string{"mix.exs", "mix.lock"} {
		b.read(path.Join(dir, f))
	}
	b.refuse(Refusal{Reason: path.Join(dir, "mix.exs") + " is a program, which may read any file of the project", Path: path.Join(dir, "mix.exs")})
	return b.done()
}
