package lsp

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/config"
)

// section is the part of an editor's settings that is Shale's.
const section = "shale"

// settings are what the client says of the files in one folder. What is about
// Dockerfiles stands in .shale.toml too; the client's word goes before it.
type settings struct {
	Enable  bool     // false: nothing is found, offered or answered
	Config  string   // a configuration file in place of the nearest .shale.toml
	Context []string // the build context, as values of --config
	Unsafe  bool     // quick fixes whose title says what could differ are offered
	Defer   []string // other tools that run beside this one: what they find is theirs to show
}

func defaultSettings() settings { return settings{Enable: true, Unsafe: true} }

// readSettings reads the client's section. What is not understood is told, and
// stands at its default; an editor's own settings, such as a path of the binary,
// may be among the keys.
func readSettings(raw json.RawMessage) (s settings, problems []string) {
	s = defaultSettings()
	var keys map[string]json.RawMessage
	if text := strings.TrimSpace(string(raw)); text == "" || text == "null" {
		return s, nil
	}
	if err := json.Unmarshal(raw, &keys); err != nil {
		return s, []string{"the settings are no object: " + err.Error()}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		value := keys[key]
		var err error
		switch key {
		case "enable":
			err = json.Unmarshal(value, &s.Enable)
		case "config":
			err = json.Unmarshal(value, &s.Config)
		case "unsafeFixes":
			err = json.Unmarshal(value, &s.Unsafe)
		case "defer":
			if err = json.Unmarshal(value, &s.Defer); err == nil {
				for _, name := range s.Defer {
					if others[name] == nil {
						problems = append(problems, fmt.Sprintf("shale.defer names %q; known are %s", name, strings.Join(slices.Sorted(maps.Keys(others)), ", ")))
					}
				}
			}
		case "context":
			s.Context, err = readContext(value)
		default:
			problems = append(problems, fmt.Sprintf("shale.%s is no setting of the server's and is ignored", key))
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("shale.%s is ignored: %v", key, err))
		}
	}
	return s, problems
}

// readContext reads the build context: a folder, or folders by the files they are for.
func readContext(raw json.RawMessage) ([]string, error) {
	if string(raw) == "null" || string(raw) == `""` {
		return nil, nil
	}
	var dir string
	var byFile map[string]string
	if json.Unmarshal(raw, &dir) == nil {
		byFile = map[string]string{"**": dir}
	} else if err := json.Unmarshal(raw, &byFile); err != nil {
		return nil, fmt.Errorf(`write a folder, or {"docker/*": "folder"}: %w`, err)
	}
	if len(byFile) == 0 {
		return nil, nil
	}
	var entries []string
	for _, files := range slices.SortedFunc(maps.Keys(byFile), longestFirst) {
		f, _ := json.Marshal(files) // its escapes are TOML's too
		d, _ := json.Marshal(byFile[files])
		entries = append(entries, fmt.Sprintf("{files = %s, dir = %s}", f, d))
	}
	return []string{"context = [" + strings.Join(entries, ", ") + "]"}, nil
}

// longestFirst orders patterns so that the more exact ones come first.
func longestFirst(a, b string) int {
	if len(a) != len(b) {
		return len(b) - len(a)
	}
	return strings.Compare(a, b)
}

// surroundings are what the documents below a folder are read with, besides their
// text. They never change: others take their place.
type surroundings struct {
	settings
	folder string         // on disk; "" for documents in no folder of the client's
	loader *config.Loader // nil with a problem
	wrong  error          // of the client's settings
	builds *buildFiles
}

// configFor returns the configuration in force for a file.
func (a *surroundings) configFor(path string) (*config.Config, error) {
	if a.wrong != nil {
		return nil, a.wrong
	}
	return a.loader.For(path)
}

// surround starts to read anew what stands around documents. A Loader reads each
// file once and keeps it, so a reload takes another.
func (s *server) surround(folder string, of settings, b *buildFiles) *surroundings {
	a := &surroundings{settings: of, folder: folder, builds: b}
	o := config.Options{
		Schema: analysis.Schema(slices.Concat(s.opts.Rules, s.opts.Others)), Version: s.opts.Version, Args: slices.Clone(of.Context),
		Base: folder, Said: "the editor's settings:",
	}
	if of.Config != "" {
		path := filepath.FromSlash(of.Config)
		if !filepath.IsAbs(path) {
			path = filepath.Join(folder, path)
		}
		if abs, err := filepath.Abs(path); err == nil { // no KEY=VALUE
			path = abs
		}
		o.Args = append(o.Args, path)
	}
	a.loader, a.wrong = config.New(o)
	return a
}

// surroundAll reads anew what stands around the documents of each folder.
func (s *server) surroundAll(folders []string) (around []*surroundings, elsewhere *surroundings) {
	b := newBuildFiles(s.log)
	for _, f := range folders {
		around = append(around, s.surround(f, s.settingsOf(f), b))
	}
	// The innermost folder that holds a document counts.
	slices.SortStableFunc(around, func(a, b *surroundings) int { return len(b.folder) - len(a.folder) })
	return around, s.surround("", s.settingsOf(""), b)
}

func (s *server) settingsOf(folder string) settings {
	if of, ok := s.perFolder[folder]; ok {
		return of
	}
	return s.initial
}

// around returns what a document on that path is read with.
func (w *workspace) around(path string) *surroundings {
	if path != "" {
		for _, a := range w.folders {
			if inFolder(path, a.folder) {
				return a
			}
		}
	}
	return w.elsewhere
}

func inFolder(path, folder string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// paths are the client's folders on this machine.
func (w *workspace) paths() []string {
	var out []string
	for _, a := range w.folders {
		out = append(out, a.folder)
	}
	slices.Sort(out)
	return out
}

// askSettings has the client asked for its settings, of each folder and of what lies
// in none, and everything looked at again with the answer. Until the first answer
// nothing is published, or what another tool shows would flicker.
func (s *server) askSettings(ctx context.Context) {
	type item struct {
		Scope   string `json:"scopeUri,omitempty"`
		Section string `json:"section"`
	}
	paths := []string{""}
	items := []item{{Section: section}}
	for path, uri := range s.folderURIs {
		paths = append(paths, path)
		items = append(items, item{uri, section})
	}
	s.asked++
	question := s.asked
	go func() { // the read loop brings the answer, so it cannot wait for it
		defer s.settle()
		var answer []json.RawMessage
		if err := s.ask(ctx, protocol.MethodWorkspaceConfiguration, map[string]any{"items": items}, &answer); err != nil {
			if ctx.Err() == nil {
				s.log.Printf("the client does not tell its settings: %v", err)
			}
			return
		}
		told := map[string]settings{}
		for i, path := range paths {
			if i < len(answer) && string(answer[i]) != "null" {
				told[path] = s.understand(answer[i])
			}
		}
		s.state.Lock()
		defer s.state.Unlock()
		if question < s.answered {
			return // a client may take its time with one answer and not with the next
		}
		s.answered = question
		s.perFolder = told
		s.reload()
	}()
}

// understand reads settings, and logs what is wrong with them.
func (s *server) understand(raw json.RawMessage) settings {
	of, problems := readSettings(raw)
	for _, p := range problems {
		s.log.Print(p)
	}
	return of
}

func (s *server) didChangeConfiguration(ctx context.Context, p *struct {
	Settings json.RawMessage `json:"settings"`
}) error {
	if s.client.settings {
		s.askSettings(ctx)
		return nil
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(p.Settings, &all); err == nil {
		if own, ok := all[section]; ok {
			s.perFolder = map[string]settings{}
			s.initial = s.understand(own)
		}
	}
	s.reload()
	return nil
}
