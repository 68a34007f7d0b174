import * as vscode from "vscode";
import { install } from "./binary.js";
import type { Server } from "./server.js";

/** Says once that the program is missing, and how to get it. */
export function promptWhenMissing(server: Server): vscode.Disposable {
  let told = false;
  return server.onStatus((s) => {
    if (s.is === "running") {
      told = false;
    } else if (s.is === "missing" && !told) {
      told = true;
      void promptMissing(server, s.setting);
    } else if (s.is === "failed") {
      void promptFailed(server, s.why);
    }
  });
}

export async function promptMissing(server: Server, setting: string): Promise<void> {
  const what =
    setting === ""
      ? `Shale is not installed: there is no "shale" on the PATH. To install it: ${install}`
      : `The setting shale.path names ${setting}, which is not there or is no program. Without the setting, Shale is looked for on the PATH; to install it: ${install}`;
  const run = "Install in a Terminal";
  const copy = "Copy Command";
  const choose = "Choose Program…";
  switch (await vscode.window.showErrorMessage(what, ...(setting === "" ? [run, copy, choose] : ["Open Settings", run, choose]))) {
    case run:
      await installInTerminal(server);
      break;
    case copy:
      await vscode.env.clipboard.writeText(install);
      break;
    case choose:
      await choosePath();
      break;
    case "Open Settings":
      await vscode.commands.executeCommand("workbench.action.openSettings", "shale.path");
      break;
  }
}

async function promptFailed(server: Server, why: string): Promise<void> {
  const log = "Show Log";
  const again = "Restart";
  switch (await vscode.window.showErrorMessage(`Shale: ${why}`, again, log)) {
    case log:
      await vscode.commands.executeCommand("shale.showLog");
      break;
    case again:
      await server.restart();
      break;
  }
}

/** Runs the command where the user sees it, and starts the server once it has ended. */
async function installInTerminal(server: Server): Promise<void> {
  const task = new vscode.Task({ type: "shale" }, vscode.TaskScope.Workspace, "install", "Shale", new vscode.ShellExecution(install));
  task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, focus: true };
  const execution = await vscode.tasks.executeTask(task);
  const ended = vscode.tasks.onDidEndTaskProcess((e) => {
    if (e.execution === execution) {
      ended.dispose();
      void server.restart();
    }
  });
}

async function choosePath(): Promise<void> {
  const [file] = (await vscode.window.showOpenDialog({ title: "The shale program", canSelectMany: false })) ?? [];
  if (file !== undefined) {
    // The change of the setting starts the server.
    await vscode.workspace.getConfiguration("shale").update("path", file.fsPath, vscode.ConfigurationTarget.Global);
  }
}
