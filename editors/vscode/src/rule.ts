import { execFile } from "node:child_process";
import { promisify } from "node:util";
import * as vscode from "vscode";
import { type Log, reason } from "./log.js";
import type { Server } from "./server.js";

const scheme = "shale-rule";

interface Rule {
  name: string;
  summary: string;
  severity: string;
  fix: string;
}

/** Serves the pages of rules, as the program has them: they match it, and need no network. */
export class RulePages implements vscode.TextDocumentContentProvider {
  constructor(
    private readonly server: Server,
    private readonly log: Log,
  ) {}

  register(): vscode.Disposable {
    return vscode.workspace.registerTextDocumentContentProvider(scheme, this);
  }

  provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    return this.run("rules", uri.path.replace(/^\/|\.md$/g, ""), "--format", "markdown");
  }

  /** Shows the rule of the finding at the cursor, or one that is picked. */
  async show(asked?: string): Promise<void> {
    const here = this.atCursor();
    const name = asked ?? (here.size === 1 ? [...here.keys()][0] : await this.pick([...here.keys()]));
    if (name === undefined) {
      return;
    }
    const uri = vscode.Uri.from({ scheme, path: `/${name}.md` });
    try {
      await vscode.workspace.openTextDocument(uri);
    } catch (err) {
      // Syntax is no rule of Shale's; its page is Docker's.
      const page = here.get(name);
      if (page === undefined) {
        throw err;
      }
      this.log.say(reason(err));
      await vscode.env.openExternal(page);
      return;
    }
    await vscode.commands.executeCommand("markdown.showPreview", uri);
  }

  /** The rules that the findings at the cursor, or else on its line, stand for, with their pages. */
  private atCursor(): Map<string, vscode.Uri> {
    const out = new Map<string, vscode.Uri>();
    const editor = vscode.window.activeTextEditor;
    if (editor === undefined) {
      return out;
    }
    const at = editor.selection.active;
    const found = vscode.languages.getDiagnostics(editor.document.uri).filter((d) => d.source === "shale");
    const under = found.filter((d) => d.range.contains(at));
    for (const d of under.length > 0 ? under : found.filter((d) => d.range.start.line <= at.line && at.line <= d.range.end.line)) {
      if (typeof d.code === "object" && typeof d.code.value === "string") {
        out.set(d.code.value, d.code.target);
      }
    }
    return out;
  }

  private async pick(only: string[]): Promise<string | undefined> {
    const rules = (JSON.parse(await this.run("rules", "--format", "json")) as Rule[]).filter((r) => only.length === 0 || only.includes(r.name));
    const items = rules.map((r) => ({ label: r.name, description: `${r.severity}, ${r.fix} fix`, detail: r.summary }));
    return (await vscode.window.showQuickPick(items, { title: "Shale: Show Rule", matchOnDetail: true, placeHolder: "Which rule?" }))?.label;
  }

  private async run(...args: string[]): Promise<string> {
    const program = this.server.binary;
    if (program === undefined) {
      throw new Error("the program shale was not found");
    }
    const { stdout } = await promisify(execFile)(program.path, args, { timeout: 10000, maxBuffer: 16 << 20 });
    return stdout;
  }
}
