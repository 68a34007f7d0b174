import * as vscode from "vscode";

/** The log is one place for the extension, the server and, when asked for, the trace. */
export class Log implements vscode.Disposable {
  readonly channel = vscode.window.createOutputChannel("Shale");

  say(line: string): void {
    this.channel.appendLine(`[${new Date().toLocaleTimeString()}] ${line}`);
  }

  show(): void {
    this.channel.show(true);
  }

  dispose(): void {
    this.channel.dispose();
  }
}

export function reason(err: unknown): string {
  return err instanceof Error ? err.message : String(err);
}
