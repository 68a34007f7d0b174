package facts

import "github.com/shale-build/shale/analysis/shell"

// sideFiles are the options by which a download writes something else: headers, logs,
// cookies.
var sideFiles = map[string][]string{
	"curl": {"-D", "--dump-header", "--stderr", "--trace", "--trace-ascii", "-c", "--cookie-jar", "--etag-save", "--hsts", "--alt-svc", "--libcurl"},
	"wget": {"-o", "--output-file", "-a", "--append-output", "--save-cookies", "--hsts-file", "--rejected-log", "--warc-file"},
}

// Saved lists the words of a download that name files which it writes.
func (c *Command) Saved() []shell.Word {
	given, _ := c.args()
	switch c.Name {
	case "curl":
		return given.of(append([]string{"-o", "--output"}, sideFiles[c.Name]...)...)
	case "wget":
		return given.of(append([]string{"-O", "--output-document", "-P", "--directory-prefix"}, sideFiles[c.Name]...)...)
	}
	return nil
}

// besides reads the files that a download writes beside what it fetches.
func (c *Command) besides(f *Files, n namer, given options) {
	for _, w := range given.of(sideFiles[c.Name]...) {
		text, _ := w.Literal()
		p, ok := n.place(w, false)
		switch {
		case text == "-":
		case !ok, len(w.Parts) == 0:
			f.Unknown = true
		default:
			p.Sure = false // not all of them are written each time
			f.Changes = append(f.Changes, p)
		}
	}
}
