package lsp

import (
	"encoding/json"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
)

// What go.lsp.dev/protocol lacks of version 3.17, or says in a way that loses
// something, and nothing else.

const (
	methodCodeActionResolve = "codeAction/resolve"
	methodSelectionRange    = "textDocument/selectionRange"
	methodInlayHint         = "textDocument/inlayHint"
	methodDiagnostic        = "textDocument/diagnostic"
	methodRefresh           = "workspace/diagnostic/refresh"
	methodDidChangeFolders  = "workspace/didChangeWorkspaceFolders"
	methodCancelProgress    = "window/workDoneProgress/cancel"

	// sourceFixAll is below the protocol's source.fixAll, so that an editor can
	// run it on save by name.
	sourceFixAll protocol.CodeActionKind = "source.fixAll.shale"

	// quickFixRule mends every finding of a rule, quickFixIgnore silences one.
	quickFixRule    protocol.CodeActionKind = "quickfix.rule"
	quickFixIgnore  protocol.CodeActionKind = "quickfix.ignore"
	refactorRewrite protocol.CodeActionKind = "refactor.rewrite"

	codeRequestFailed jsonrpc2.Code = -32803
)

type serverCapabilities struct {
	PositionEncoding   string             `json:"positionEncoding"`
	InlayHintProvider  bool               `json:"inlayHintProvider"`
	DiagnosticProvider *diagnosticOptions `json:"diagnosticProvider,omitempty"`
	protocol.ServerCapabilities
}

// Files that nobody opened are not reported: editors would come for them every other
// second, and shale check is there.
type diagnosticOptions struct {
	Identifier            string `json:"identifier"`
	InterFileDependencies bool   `json:"interFileDependencies"`
	WorkspaceDiagnostics  bool   `json:"workspaceDiagnostics"`
}

// semanticTokensOptions has the fields that the library's lacks.
type semanticTokensOptions struct {
	Legend protocol.SemanticTokensLegend `json:"legend"`
	Range  bool                          `json:"range"`
	Full   struct {
		Delta bool `json:"delta"`
	} `json:"full"`
}

type initializeResult struct {
	Capabilities serverCapabilities  `json:"capabilities"`
	ServerInfo   protocol.ServerInfo `json:"serverInfo"`
}

// initializeParams holds the few things that the server looks at, so that no
// other part of a client's capabilities can make initialize fail.
type initializeParams struct {
	InitializationOptions json.RawMessage `json:"initializationOptions"`
	RootURI               string          `json:"rootUri"`
	WorkspaceFolders      []struct {
		URI string `json:"uri"`
	} `json:"workspaceFolders"`
	Capabilities struct {
		General struct {
			PositionEncodings []string `json:"positionEncodings"`
		} `json:"general"`
		TextDocument struct {
			CodeAction struct {
				DataSupport    bool `json:"dataSupport"`
				ResolveSupport struct {
					Properties []string `json:"properties"`
				} `json:"resolveSupport"`
			} `json:"codeAction"`
			Hover struct {
				ContentFormat []string `json:"contentFormat"`
			} `json:"hover"`
			Completion struct {
				CompletionItem struct {
					SnippetSupport       bool `json:"snippetSupport"`
					InsertReplaceSupport bool `json:"insertReplaceSupport"`
				} `json:"completionItem"`
			} `json:"completion"`
			Rename struct {
				PrepareSupport bool `json:"prepareSupport"`
			} `json:"rename"`
			DocumentSymbol struct {
				HierarchicalDocumentSymbolSupport bool `json:"hierarchicalDocumentSymbolSupport"`
			} `json:"documentSymbol"`
			PublishDiagnostics *struct {
				RelatedInformation bool `json:"relatedInformation"`
				TagSupport         struct {
					ValueSet []int `json:"valueSet"`
				} `json:"tagSupport"`
			} `json:"publishDiagnostics"`
			Diagnostic *struct{} `json:"diagnostic"`
		} `json:"textDocument"`
		Workspace struct {
			WorkspaceEdit struct {
				DocumentChanges         bool      `json:"documentChanges"`
				ResourceOperations      []string  `json:"resourceOperations"`
				ChangeAnnotationSupport *struct{} `json:"changeAnnotationSupport"`
			} `json:"workspaceEdit"`
			DidChangeWatchedFiles struct {
				DynamicRegistration bool `json:"dynamicRegistration"`
			} `json:"didChangeWatchedFiles"`
			Configuration          bool `json:"configuration"`
			DidChangeConfiguration struct {
				DynamicRegistration bool `json:"dynamicRegistration"`
			} `json:"didChangeConfiguration"`
			Diagnostics struct {
				RefreshSupport bool `json:"refreshSupport"`
			} `json:"diagnostics"`
		} `json:"workspace"`
		Window struct {
			WorkDoneProgress bool `json:"workDoneProgress"`
			ShowDocument     struct {
				Support bool `json:"support"`
			} `json:"showDocument"`
		} `json:"window"`
	} `json:"capabilities"`
}

// Documents are named by the client's own string, never by a uri.URI that was
// parsed and printed again.
type textDocument struct {
	URI        string `json:"uri"`
	LanguageID string `json:"languageId,omitempty"`
	Version    int32  `json:"version,omitempty"`
	Text       string `json:"text,omitempty"`
}

type documentParams struct {
	TextDocument textDocument `json:"textDocument"`
}

type didChangeParams struct {
	TextDocument   textDocument `json:"textDocument"`
	ContentChanges []struct {
		Range *protocol.Range `json:"range"` // nil: Text is the whole document
		Text  string          `json:"text"`
	} `json:"contentChanges"`
}

// publishDiagnosticsParams always has a list, and a version that may be 0.
type publishDiagnosticsParams struct {
	URI         string                `json:"uri"`
	Version     *int32                `json:"version,omitempty"`
	Diagnostics []protocol.Diagnostic `json:"diagnostics"`
}

type codeActionParams struct {
	TextDocument textDocument   `json:"textDocument"`
	Range        protocol.Range `json:"range"`
	Context      struct {
		Only        []protocol.CodeActionKind `json:"only"`
		TriggerKind int                       `json:"triggerKind"`
	} `json:"context"`
	WorkDoneToken json.RawMessage `json:"workDoneToken"`
}

// automatic is the trigger kind of an editor that asks by itself, at each move of the
// cursor.
const automatic = 2

type codeAction struct {
	Title       string                  `json:"title"`
	Kind        protocol.CodeActionKind `json:"kind"`
	Diagnostics []protocol.Diagnostic   `json:"diagnostics,omitempty"`
	IsPreferred bool                    `json:"isPreferred,omitempty"`
	Edit        *workspaceEdit          `json:"edit,omitempty"`
	Data        *actionData             `json:"data,omitempty"`
}

// workspaceEdit can mix edits with the creation of files. One of the two fields
// stands, as the client is able to read.
type workspaceEdit struct {
	Changes         map[string][]protocol.TextEdit `json:"changes,omitempty"`
	DocumentChanges []any                          `json:"documentChanges,omitempty"` // textDocumentEdit or createFile
	Annotations     map[string]changeAnnotation    `json:"changeAnnotations,omitempty"`
}

// A changeAnnotation has the client ask before it makes the edits that name it.
type changeAnnotation struct {
	Label             string `json:"label"`
	NeedsConfirmation bool   `json:"needsConfirmation"`
	Description       string `json:"description,omitempty"`
}

type textDocumentEdit struct {
	TextDocument versionedDocument `json:"textDocument"`
	Edits        []any             `json:"edits"` // protocol.TextEdit or annotatedEdit
}

type annotatedEdit struct {
	protocol.TextEdit
	Annotation string `json:"annotationId"`
}

type versionedDocument struct {
	URI     string `json:"uri"`
	Version *int32 `json:"version"` // null for a file that is not open
}

type createFile struct {
	Kind       string `json:"kind"`
	URI        string `json:"uri"`
	Annotation string `json:"annotationId,omitempty"`
}
