import * as vscode from "vscode";
import {
  AnnotatedTextEdit,
  ApplyWorkspaceEditRequest,
  type CodeAction,
  CodeActionRequest,
  CodeActionResolveRequest,
  ExecuteCommandRequest,
  type LanguageClient,
  TextDocumentEdit,
  type TextEdit,
  type WorkspaceEdit,
} from "vscode-languageclient/node";
import { candidates, named } from "./names.js";
import type { Server } from "./server.js";

const kind = "source.fixAll.shale";
const command = "shale.fixWorkspace";

/** Makes every safe fix in the file that is open in front. */
export async function fixThisFile(server: Server): Promise<void> {
  const doc = vscode.window.activeTextEditor?.document;
  if (doc?.languageId !== "dockerfile") {
    void vscode.window.showInformationMessage("Shale fixes Dockerfiles: open one first.");
    return;
  }
  const client = needs(server);
  const edit = await fixAll(client, doc.uri);
  if (edit === undefined) {
    vscode.window.setStatusBarMessage("Shale: nothing to fix safely in this file", 5000);
    return;
  }
  if (!(await vscode.workspace.applyEdit(await client.protocol2CodeConverter.asWorkspaceEdit(edit)))) {
    throw new Error("the file changed meanwhile; nothing was fixed");
  }
}

/** Shows every safe fix of the workspace's Dockerfiles, to be taken or left file by file. */
export async function fixAllFiles(server: Server): Promise<void> {
  const client = needs(server);
  if (client.initializeResult?.capabilities.executeCommandProvider?.commands.includes(command)) {
    // The server knows which files the configuration and .gitignore leave in. It shows
    // how far it is, and asks for its edit to be shown, by itself.
    tell((await client.sendRequest(ExecuteCommandRequest.type, { command, arguments: [] })) as Fixed);
    return;
  }
  const options = { location: vscode.ProgressLocation.Notification, title: "Shale: fixing the workspace", cancellable: true };
  const edit = await vscode.window.withProgress(options, (progress, token) => collect(client, progress, token));
  if (edit === undefined) {
    return;
  }
  if (edit.size === 0) {
    tell({ files: 0 });
    return;
  }
  await vscode.workspace.applyEdit(edit, { isRefactoring: true });
}

/** Puts together the fixes of each Dockerfile, for a server that has no command for it; undefined when called off. */
async function collect(
  client: LanguageClient,
  progress: vscode.Progress<{ message: string }>,
  token: vscode.CancellationToken,
): Promise<vscode.WorkspaceEdit | undefined> {
  const all = new vscode.WorkspaceEdit();
  const files = (await vscode.workspace.findFiles(candidates, "**/node_modules/**", undefined, token)).filter((f) => named(f.path.slice(f.path.lastIndexOf("/") + 1)));
  for (const [i, uri] of files.sort((a, b) => (a.path < b.path ? -1 : 1)).entries()) {
    if (token.isCancellationRequested) {
      return undefined;
    }
    const shown = vscode.workspace.asRelativePath(uri);
    progress.report({ message: `${shown} (${i + 1} of ${files.length})` });
    let doc = await vscode.workspace.openTextDocument(uri); // and so with the server
    if (doc.languageId !== "dockerfile") {
      doc = await vscode.languages.setTextDocumentLanguage(doc, "dockerfile");
    }
    const edit = await fixAll(client, doc.uri, token);
    if (edit === undefined) {
      continue;
    }
    for (const [at, edits] of (await client.protocol2CodeConverter.asWorkspaceEdit(edit, token)).entries()) {
      const e = joined(await vscode.workspace.openTextDocument(at), edits);
      all.replace(at, e.range, e.newText, { label: `Shale: ${vscode.workspace.asRelativePath(at)}`, needsConfirmation: true });
    }
  }
  return all;
}

/**
 * Makes the edits that the server asks for. Those that are shown first become one for
 * each file: a tick beside each line would invite to take half of a fix, and that may
 * break a build.
 */
export function applyEdits(client: LanguageClient): vscode.Disposable {
  return client.onRequest(ApplyWorkspaceEditRequest.type, async ({ edit }) => {
    const changes: NonNullable<WorkspaceEdit["documentChanges"]> = [];
    for (const change of edit.documentChanges ?? []) {
      if (!TextDocumentEdit.is(change)) {
        changes.push(change);
        continue;
      }
      const uri = client.protocol2CodeConverter.asUri(change.textDocument.uri);
      const doc = await vscode.workspace.openTextDocument(uri);
      const version = change.textDocument.version;
      if (version !== null && version !== doc.version) {
        return { applied: false, failureReason: `${vscode.workspace.asRelativePath(uri)} changed meanwhile` };
      }
      const id = change.edits.map((e) => (AnnotatedTextEdit.is(e) ? e.annotationId : undefined))[0];
      if (id === undefined || change.edits.length < 2) {
        changes.push(change);
        continue;
      }
      const one = joined(doc, await client.protocol2CodeConverter.asTextEdits(change.edits as TextEdit[]));
      changes.push({ ...change, edits: [{ range: client.code2ProtocolConverter.asRange(one.range), newText: one.newText, annotationId: id }] });
    }
    const asked = edit.documentChanges === undefined ? edit : { ...edit, documentChanges: changes };
    // What has been looked at is saved, too, as with VS Code's own refactorings.
    const isRefactoring = Object.values(edit.changeAnnotations ?? {}).some((a) => a.needsConfirmation === true);
    return { applied: await vscode.workspace.applyEdit(await client.protocol2CodeConverter.asWorkspaceEdit(asked), { isRefactoring }) };
  });
}

/** The edits of a file as one. */
function joined(doc: vscode.TextDocument, edits: vscode.TextEdit[]): vscode.TextEdit {
  const [first, ...rest] = [...edits].sort((a, b) => a.range.start.compareTo(b.range.start));
  if (first === undefined) {
    throw new Error("no edits");
  }
  return rest.reduce((all, e) => {
    const between = doc.getText(new vscode.Range(all.range.end, e.range.start));
    return new vscode.TextEdit(all.range.union(e.range), all.newText + between + e.newText);
  }, first);
}

async function fixAll(client: LanguageClient, uri: vscode.Uri, token?: vscode.CancellationToken): Promise<WorkspaceEdit | undefined> {
  const start = { line: 0, character: 0 };
  const params = { textDocument: { uri: client.code2ProtocolConverter.asUri(uri) }, range: { start, end: start }, context: { diagnostics: [], only: [kind] } };
  const actions = await client.sendRequest(CodeActionRequest.type, params, token);
  const action = actions?.find((a): a is CodeAction => "kind" in a && a.kind === kind);
  if (action === undefined) {
    return undefined;
  }
  return (action.edit === undefined ? await client.sendRequest(CodeActionResolveRequest.type, action, token) : action).edit;
}

function needs(server: Server): LanguageClient {
  const client = server.running;
  if (client === undefined) {
    throw new Error("the server does not run; see Shale: Show Log");
  }
  return client;
}

/** What the server says came of its command. */
interface Fixed {
  files: number;
  left?: string[]; // files that were left as they are, and why
}

function tell(done: Fixed): void {
  if (done.left !== undefined && done.left.length > 0) {
    void vscode.window.showWarningMessage(`Shale: left as before: ${done.left.join("; ")}`);
  } else if (done.files === 0) {
    void vscode.window.showInformationMessage("Shale: nothing to fix safely in this workspace.");
  }
}
