package stage

import "strings"

// onWindows reports whether an image is one of Windows, as far as its name and the platform
// that is asked for tell: each as written, and with the values that are known or by default.
// There is no /root, rm or apt-get there.
func (g *Graph) onWindows(s *Stage) bool {
	if s.Parent != nil {
		return s.Parent.Windows
	}
	if s.Platform != nil {
		system, _, _ := strings.Cut(strings.ToLower(g.globals.expand(s.Platform.Value, s.From.Index).Text), "/")
		if system == "windows" {
			return true
		}
	}
	if len(s.From.Args) == 0 {
		return false
	}
	names := strings.ToLower(s.From.Args[0].Value + " " + s.Base.Text)
	for _, part := range []string{"windows/", "windows-", "windowsservercore", "nanoserver", "servercore", "ltsc20", "dotnet/framework/", "microsoft.com/windows:"} {
		if strings.Contains(names, part) {
			return true
		}
	}
	return false
}
