package lsp

import (
	"context"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"go.lsp.dev/protocol"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/source"
)

// clientFacts is what the client said of itself.
type clientFacts struct {
	encoding    source.Encoding
	lazyEdits   bool // resolves a code action's edit
	versions    bool // takes documentChanges
	creates     bool // creates files
	related     bool // shows related places
	watchesLate bool // takes a registration for watched files
	markdown    bool // shows Markdown in hovers
	snippets    bool // completes with places to fill in
	replaces    bool // lets its user choose whether a proposal replaces a word whole
	hierarchy   bool // shows symbols as a tree
	settings    bool // tells its settings when asked
	configLate  bool // takes a registration for changes of its settings
	pulls       bool // comes for findings
	refreshes   bool // comes for findings again when it is told to
	progress    bool // shows the progress of what takes long
	annotates   bool // asks before it makes an edit that is marked so
	shows       bool // opens a page

	tags map[analysis.Tag]bool // shows what is unnecessary, or deprecated
}

// encodings are the position encodings by the protocol's names.
var encodings = map[string]source.Encoding{
	"utf-8":  source.UTF8,
	"utf-16": source.UTF16,
	"utf-32": source.UTF32,
}

func (s *server) initialize(params json.RawMessage) (any, error) {
	var p initializeParams
	if err := json.Unmarshal(params, &p); err != nil {
		// What could be read has been; the rest stands at its default.
		s.log.Printf("the client's capabilities are odd: %v", err)
	}
	encoding := "utf-16" // what the protocol says when the client says nothing
	c := p.Capabilities
	for _, e := range c.General.PositionEncodings { // in the client's order of preference
		if _, ok := encodings[e]; ok {
			encoding = e
			break
		}
	}
	action := c.TextDocument.CodeAction
	s.client = clientFacts{
		encoding:    encodings[encoding],
		lazyEdits:   action.DataSupport && slices.Contains(action.ResolveSupport.Properties, "edit"),
		versions:    c.Workspace.WorkspaceEdit.DocumentChanges,
		creates:     c.Workspace.WorkspaceEdit.DocumentChanges && slices.Contains(c.Workspace.WorkspaceEdit.ResourceOperations, "create"),
		watchesLate: c.Workspace.DidChangeWatchedFiles.DynamicRegistration,
	}
	s.client.markdown = slices.Contains(c.TextDocument.Hover.ContentFormat, "markdown")
	s.client.snippets = c.TextDocument.Completion.CompletionItem.SnippetSupport
	s.client.replaces = c.TextDocument.Completion.CompletionItem.InsertReplaceSupport
	s.client.hierarchy = c.TextDocument.DocumentSymbol.HierarchicalDocumentSymbolSupport
	ws, publish := c.Workspace, c.TextDocument.PublishDiagnostics
	s.client.settings = ws.Configuration
	s.client.configLate = ws.DidChangeConfiguration.DynamicRegistration
	s.client.refreshes = ws.Diagnostics.RefreshSupport
	// Files on disk change findings too, and a client that cannot be told of that
	// would show old ones.
	s.client.pulls = c.TextDocument.Diagnostic != nil && (s.client.refreshes || publish == nil)
	s.client.progress = c.Window.WorkDoneProgress
	s.client.shows = c.Window.ShowDocument.Support
	s.client.annotates = s.client.versions && ws.WorkspaceEdit.ChangeAnnotationSupport != nil
	if publish != nil {
		s.client.related = publish.RelatedInformation
		s.client.tags = map[analysis.Tag]bool{}
		for own, tag := range tags {
			s.client.tags[own] = slices.Contains(publish.TagSupport.ValueSet, int(tag))
		}
	}
	s.folderURIs = foldersOf(&p)
	s.initial = s.understand(initialSettings(p.InitializationOptions))
	s.work.folders, s.work.elsewhere = s.surroundAll(slices.Collect(maps.Keys(s.folderURIs)))
	if s.client.settings {
		time.AfterFunc(time.Second, s.settle) // whatever the client does
	} else {
		s.settle()
	}
	s.phase = up
	var pulling *diagnosticOptions
	if s.client.pulls {
		pulling = &diagnosticOptions{Identifier: "shale"}
	}
	return initializeResult{
		ServerInfo: protocol.ServerInfo{Name: "shale", Version: s.opts.Version},
		Capabilities: serverCapabilities{
			PositionEncoding: encoding,
			ServerCapabilities: protocol.ServerCapabilities{
				TextDocumentSync: protocol.TextDocumentSyncOptions{
					OpenClose: true,
					Change:    protocol.TextDocumentSyncKindIncremental,
					Save:      &protocol.SaveOptions{},
				},
				CodeActionProvider: protocol.CodeActionOptions{
					CodeActionKinds: []protocol.CodeActionKind{protocol.QuickFix, quickFixRule, quickFixIgnore, refactorRewrite, sourceFixAll},
					ResolveProvider: true,
				},
				HoverProvider:           true,
				DocumentSymbolProvider:  true,
				WorkspaceSymbolProvider: true,
				FoldingRangeProvider:    true,
				SelectionRangeProvider:  true,
				DocumentLinkProvider:    &protocol.DocumentLinkOptions{},
				CodeLensProvider:        &protocol.CodeLensOptions{},
				SemanticTokensProvider:  tokenOptions(),

				DefinitionProvider:              true,
				ReferencesProvider:              true,
				DocumentHighlightProvider:       true,
				RenameProvider:                  renames(c.TextDocument.Rename.PrepareSupport),
				CompletionProvider:              &protocol.CompletionOptions{TriggerCharacters: []string{"-", "=", "$", "{", ",", "/", ":"}},
				SignatureHelpProvider:           &protocol.SignatureHelpOptions{TriggerCharacters: []string{" "}, RetriggerCharacters: []string{" "}},
				DocumentFormattingProvider:      true,
				DocumentRangeFormattingProvider: true,
				DocumentOnTypeFormattingProvider: &protocol.DocumentOnTypeFormattingOptions{
					FirstTriggerCharacter: "\n", MoreTriggerCharacter: []string{"\\", "`"},
				},
				ExecuteCommandProvider: &protocol.ExecuteCommandOptions{Commands: commandNames()},
				Workspace: &protocol.ServerCapabilitiesWorkspace{
					WorkspaceFolders: &protocol.ServerCapabilitiesWorkspaceFolders{Supported: true, ChangeNotifications: true},
				},
			},
			InlayHintProvider:  true,
			DiagnosticProvider: pulling,
		},
	}, nil
}

func tokenOptions() semanticTokensOptions {
	o := semanticTokensOptions{Range: true}
	o.Full.Delta = true
	o.Legend = protocol.SemanticTokensLegend{TokenTypes: tokenTypes, TokenModifiers: tokenModifiers}
	return o
}

// renames says that names can be changed; options are for those who ask first.
func renames(prepare bool) any {
	if prepare {
		return protocol.RenameOptions{PrepareProvider: true}
	}
	return true
}

// foldersOf are the folders on this machine that the client has open: its own URI by
// path.
func foldersOf(p *initializeParams) map[string]string {
	out := map[string]string{}
	for _, f := range p.WorkspaceFolders {
		if path := pathOf(f.URI); path != "" {
			out[path] = f.URI
		}
	}
	if path := pathOf(p.RootURI); len(p.WorkspaceFolders) == 0 && path != "" {
		out[path] = p.RootURI
	}
	return out
}

// initialSettings are those among the client's initialization options: the options
// themselves, or their part of Shale's name.
func initialSettings(options json.RawMessage) json.RawMessage {
	var in map[string]json.RawMessage
	if json.Unmarshal(options, &in) == nil && in[section] != nil {
		return in[section]
	}
	return options
}

// watched are the files beside Dockerfiles that change what is found: configuration,
// what a build context leaves out, compose and bake files, and what package managers
// read. No wildcard stands in braces: Emacs's eglot would refuse them all.
func watched() []string {
	names, patterns := manifests()
	out := []string{
		"**/{.shale.toml,.hadolint.yaml,.hadolint.yml}",
		"**/*.{dockerignore,containerignore}",
		"**/{compose,docker-compose}*.{yml,yaml}",
		"**/docker-bake*.{hcl,json}",
		"**/{" + strings.Join(names, ",") + "}",
	}
	for _, p := range patterns {
		out = append(out, "**/"+p)
	}
	return out
}

// manifests are the files that the table of package managers names, and patterns of
// further ones.
func manifests() (names, patterns []string) {
	for _, m := range pkgmgr.Managers {
		for _, file := range m.Manifests {
			names = append(names, path.Base(file))
		}
		for _, p := range m.ManifestGlobs {
			if strings.ContainsAny(p, "*/") {
				patterns = append(patterns, p)
			} else {
				names = append(names, p)
			}
		}
	}
	slices.Sort(names)
	slices.Sort(patterns)
	return slices.Compact(names), slices.Compact(patterns)
}

func (s *server) initialized(ctx context.Context, _ *struct{}) error {
	if s.client.settings {
		s.askSettings(ctx)
	}
	var all []protocol.Registration
	if s.client.watchesLate {
		var o protocol.DidChangeWatchedFilesRegistrationOptions
		for _, glob := range watched() {
			o.Watchers = append(o.Watchers, protocol.FileSystemWatcher{GlobPattern: glob})
		}
		all = append(all, protocol.Registration{ID: "watch", Method: protocol.MethodWorkspaceDidChangeWatchedFiles, RegisterOptions: o})
	}
	if s.client.configLate {
		all = append(all, protocol.Registration{
			ID: "settings", Method: protocol.MethodWorkspaceDidChangeConfiguration, RegisterOptions: map[string]any{"section": section},
		})
	}
	if len(all) == 0 {
		return nil
	}
	// The read loop brings the answer, so it cannot wait for it.
	go func() {
		if err := s.ask(ctx, protocol.MethodClientRegisterCapability, protocol.RegistrationParams{Registrations: all}, nil); err != nil && ctx.Err() == nil {
			s.log.Printf("files are not watched: %v", err)
		}
	}()
	return nil
}

// didChangeWatchedFiles looks again at everything, once for what changes together:
// an install touches thousands of files.
func (s *server) didChangeWatchedFiles(_ context.Context, p *struct {
	Changes []struct {
		URI string `json:"uri"`
	} `json:"changes"`
}) error {
	for _, c := range p.Changes {
		if strings.Contains(c.URI, "/node_modules/") || strings.Contains(c.URI, "/.git/") || s.rereading {
			continue // what an install leaves is no source
		}
		s.rereading = true
		time.AfterFunc(100*time.Millisecond, func() {
			s.state.Lock()
			defer s.state.Unlock()
			s.rereading = false
			s.reload()
		})
	}
	return nil
}

func (s *server) didChangeFolders(ctx context.Context, p *struct {
	Event struct {
		Added, Removed []struct {
			URI string `json:"uri"`
		}
	} `json:"event"`
}) error {
	for _, f := range p.Event.Removed {
		delete(s.folderURIs, pathOf(f.URI))
	}
	for _, f := range p.Event.Added {
		if path := pathOf(f.URI); path != "" {
			s.folderURIs[path] = f.URI
		}
	}
	if s.client.settings {
		s.askSettings(ctx)
	} else {
		s.reload()
	}
	return nil
}
