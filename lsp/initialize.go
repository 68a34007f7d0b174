package lsp

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"go.lsp.dev/protocol"

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
	hierarchy   bool // shows symbols as a tree

	folders []string // of the workspace, on disk
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
	if o := strings.TrimSpace(string(p.InitializationOptions)); o != "" && o != "null" && o != "{}" {
		s.log.Printf("initializationOptions are ignored: %.200s; settings stand in .shale.toml", o)
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
		related:     c.TextDocument.PublishDiagnostics.RelatedInformation,
		watchesLate: c.Workspace.DidChangeWatchedFiles.DynamicRegistration,
	}
	s.client.markdown = slices.Contains(c.TextDocument.Hover.ContentFormat, "markdown")
	s.client.snippets = c.TextDocument.Completion.CompletionItem.SnippetSupport
	s.client.hierarchy = c.TextDocument.DocumentSymbol.HierarchicalDocumentSymbolSupport
	s.client.folders = foldersOf(&p)
	s.phase = up
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
			},
			InlayHintProvider: true,
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

// foldersOf are the folders on this machine that the client has open.
func foldersOf(p *initializeParams) []string {
	var out []string
	for _, f := range p.WorkspaceFolders {
		if path := pathOf(f.URI); path != "" {
			out = append(out, path)
		}
	}
	if path := pathOf(p.RootURI); len(p.WorkspaceFolders) == 0 && path != "" {
		out = append(out, path)
	}
	return out
}

func (s *server) initialized(ctx context.Context, _ *struct{}) error {
	if !s.client.watchesLate {
		return nil
	}
	params := protocol.RegistrationParams{Registrations: []protocol.Registration{{
		ID:     "watch",
		Method: protocol.MethodWorkspaceDidChangeWatchedFiles,
		RegisterOptions: protocol.DidChangeWatchedFilesRegistrationOptions{Watchers: []protocol.FileSystemWatcher{
			{GlobPattern: "**/{.shale.toml,.dockerignore,*.dockerignore}"},
		}},
	}}}
	// The read loop brings the answer, so it cannot wait for it.
	go func() {
		if _, err := s.conn.Call(ctx, protocol.MethodClientRegisterCapability, params, nil); err != nil && ctx.Err() == nil {
			s.log.Printf("files are not watched: %v", err)
		}
	}()
	return nil
}
