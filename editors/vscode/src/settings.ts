import * as vscode from "vscode";

/** What the server asks for by the name of shale. */
export interface ServerSettings {
  enable: boolean;
  config: string;
  context: string | Record<string, string>;
  defer: string[];
  unsafeFixes: boolean;
}

export function section(scope?: vscode.Uri): vscode.WorkspaceConfiguration {
  return vscode.workspace.getConfiguration("shale", scope);
}

/** The server's settings in force for a folder; it is told no others. */
export function serverSettings(scope?: vscode.Uri): ServerSettings {
  const s = section(scope);
  const context = s.get<string | Record<string, string>>("context", "");
  return {
    enable: s.get("enable", true),
    config: expand(s.get("config", ""), scope),
    context: typeof context === "string" ? expand(context, scope) : Object.fromEntries(Object.entries(context).map(([files, dir]) => [files, expand(dir, scope)])),
    defer: s.get<string[]>("defer", []),
    unsafeFixes: s.get("unsafeFixes", true),
  };
}

/** Fills in what a path in a setting may hold; a relative one is below the folder. */
export function expand(path: string, scope?: vscode.Uri): string {
  const at = scope && vscode.workspace.getWorkspaceFolder(scope);
  const folder = at ?? vscode.workspace.workspaceFolders?.find((f) => f.uri.scheme === "file");
  return expandIn(path.trim(), folder?.uri.fsPath, process.env);
}

function expandIn(path: string, folder: string | undefined, env: NodeJS.ProcessEnv): string {
  if (path === "") {
    return "";
  }
  const home = env["HOME"] ?? env["USERPROFILE"] ?? "";
  const out = path
    .replace(/^~(?=$|[/\\])/, () => home)
    .replace(/\$\{userHome\}/g, () => home)
    .replace(/\$\{workspaceFolder\}/g, (whole) => folder ?? whole)
    .replace(/\$\{env:([^}]+)\}/g, (_, name: string) => env[name] ?? "");
  return folder === undefined || /^([/\\]|[A-Za-z]:[/\\])/.test(out) ? out : `${folder}/${out}`;
}
