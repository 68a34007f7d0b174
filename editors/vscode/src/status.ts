import * as vscode from "vscode";
import type { Server, Status } from "./server.js";

/** Shows in the status bar, beside a Dockerfile, how the server fares; a click offers the commands. */
export function statusItem(server: Server): vscode.Disposable {
  const item = vscode.window.createStatusBarItem("shale", vscode.StatusBarAlignment.Right, 100);
  item.name = "Shale";
  item.command = "shale.menu";
  const draw = (): void => {
    const { text, tooltip, wrong } = words(server.status);
    item.text = text;
    item.tooltip = tooltip;
    item.backgroundColor = wrong ? new vscode.ThemeColor("statusBarItem.warningBackground") : undefined;
    if (vscode.window.activeTextEditor?.document.languageId === "dockerfile") {
      item.show();
    } else {
      item.hide();
    }
  };
  draw();
  return vscode.Disposable.from(item, server.onStatus(draw), vscode.window.onDidChangeActiveTextEditor(draw), vscode.workspace.onDidOpenTextDocument(draw));
}

function words(s: Status): { text: string; tooltip: string; wrong: boolean } {
  switch (s.is) {
    case "starting":
      return { text: "$(loading~spin) Shale", tooltip: "Shale starts", wrong: false };
    case "running":
      return { text: "$(layers) Shale", tooltip: `Shale ${s.version}\n${s.binary.path}`.trim(), wrong: false };
    case "missing":
      return { text: "$(warning) Shale", tooltip: "Shale is not installed", wrong: true };
    case "failed":
      return { text: "$(error) Shale", tooltip: s.why, wrong: true };
    case "stopped":
      return { text: "$(circle-slash) Shale", tooltip: "Shale does not run", wrong: true };
  }
}

/** The commands that the status item offers. */
export async function menu(server: Server): Promise<void> {
  const missing = server.status.is === "missing";
  const items: (vscode.QuickPickItem & { command: string })[] = [
    ...(missing ? [{ label: "$(cloud-download) Install Shale…", command: "shale.install" }] : []),
    { label: "$(wand) Fix This File", command: "shale.fixThisFile" },
    { label: "$(files) Fix the Workspace (With a Preview)", command: "shale.fixAllFiles" },
    { label: "$(book) Show Rule", command: "shale.openRule" },
    { label: "$(debug-restart) Restart Server", command: "shale.restart" },
    { label: "$(output) Show Log", command: "shale.showLog" },
    { label: "$(gear) Settings", command: "shale.settings" },
  ];
  const s = server.status;
  const title = s.is === "running" ? `Shale ${s.version}` : "Shale";
  const picked = await vscode.window.showQuickPick(items, { title, placeHolder: words(s).tooltip.replace("\n", ", ") });
  if (picked !== undefined) {
    await vscode.commands.executeCommand(picked.command);
  }
}
