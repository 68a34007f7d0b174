import * as vscode from "vscode";
import { fixAllFiles, fixThisFile } from "./fix.js";
import { Log, reason } from "./log.js";
import { promptMissing, promptWhenMissing } from "./missing.js";
import { askToDefer } from "./neighbours.js";
import { RulePages } from "./rule.js";
import { follow, Server } from "./server.js";
import { menu, statusItem } from "./status.js";

let server: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const log = new Log();
  const it = new Server(log);
  server = it;
  const pages = new RulePages(it, log);

  // What a command says went wrong is shown, and kept in the log.
  const command = (id: string, run: (...args: never[]) => unknown): vscode.Disposable =>
    vscode.commands.registerCommand(id, async (...args: never[]) => {
      try {
        await run(...args);
      } catch (err) {
        if (err instanceof vscode.CancellationError) {
          return;
        }
        log.say(`${id}: ${reason(err)}`);
        void vscode.window.showErrorMessage(`Shale: ${reason(err)}`);
      }
    });

  context.subscriptions.push(
    log,
    it,
    follow(it),
    statusItem(it),
    promptWhenMissing(it),
    pages.register(),
    command("shale.fixThisFile", () => fixThisFile(it)),
    command("shale.fixAllFiles", () => fixAllFiles(it)),
    command("shale.openRule", (rule: unknown) => pages.show(typeof rule === "string" ? rule : undefined)),
    command("shale.restart", () => it.restart()),
    command("shale.showLog", () => log.show()),
    command("shale.menu", () => menu(it)),
    command("shale.install", () => promptMissing(it, "")),
    command("shale.settings", () => vscode.commands.executeCommand("workbench.action.openSettings", "@ext:shale-build.shale")),
  );
  await it.restart();
  void askToDefer(context.globalState);
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}
