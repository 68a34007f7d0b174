import * as vscode from "vscode";
import {
  type CodeAction,
  CodeActionRequest,
  CodeActionResolveRequest,
  ExecuteCommandRequest,
  type LanguageClient,
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
      for (const e of edits) {
        all.replace(at, e.range, e.newText, { label: `Shale: ${vscode.workspace.asRelativePath(at)}`, needsConfirmation: true });
      }
    }
  }
  return all;
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
