import * as path from "node:path";
import * as vscode from "vscode";
import { type InitializeResult, LanguageClient, type LanguageClientOptions, type Middleware, RevealOutputChannelOn, State } from "vscode-languageclient/node";
import { type Binary, findBinary } from "./binary.js";
import { applyEdits } from "./fix.js";
import { type Log, reason } from "./log.js";
import { template } from "./names.js";
import { serverSettings } from "./settings.js";

export type Status =
  | { is: "starting" }
  | { is: "running"; version: string; binary: Binary }
  | { is: "missing"; setting: string }
  | { is: "failed"; why: string }
  | { is: "stopped" };

/** Keeps `shale lsp` running. What is asked of it is done one after the other. */
export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private found: Binary | undefined;
  private last: Promise<void> = Promise.resolve();
  private readonly changed = new vscode.EventEmitter<Status>();
  private now: Status = { is: "stopped" };

  readonly onStatus = this.changed.event;

  constructor(private readonly log: Log) {}

  get status(): Status {
    return this.now;
  }

  get binary(): Binary | undefined {
    return this.found;
  }

  /** The client, if the server runs. */
  get running(): LanguageClient | undefined {
    return this.client?.state === State.Running ? this.client : undefined;
  }

  /** Starts the server, or ends the one that runs and starts another. */
  restart(): Promise<void> {
    return this.next(async () => {
      await this.end();
      await this.begin();
    });
  }

  stop(): Promise<void> {
    return this.next(() => this.end());
  }

  /** Tells the server of changed settings. */
  async tellSettings(): Promise<void> {
    await this.running?.sendNotification("workspace/didChangeConfiguration", { settings: { shale: serverSettings() } });
  }

  dispose(): void {
    this.changed.dispose();
  }

  private next(work: () => Promise<void>): Promise<void> {
    this.last = this.last.then(work).catch((err: unknown) => {
      this.log.say(reason(err));
      this.set({ is: "failed", why: reason(err) });
    });
    return this.last;
  }

  private set(status: Status): void {
    this.now = status;
    this.changed.fire(status);
  }

  private async begin(): Promise<void> {
    this.set({ is: "starting" });
    const { binary, setting } = await findBinary();
    this.found = binary;
    if (binary === undefined) {
      this.log.say(setting === "" ? "shale was not found" : `shale.path names ${setting}, which is no program`);
      this.set({ is: "missing", setting });
      return;
    }
    this.log.say(`starting ${binary.path} lsp (found by ${binary.from})`);
    const client = new LanguageClient("shale", "Shale", { command: binary.path, args: ["lsp"] }, this.options());
    client.onDidChangeState((e) => {
      // It is started anew by itself when it ends, unless it does so all the time.
      if (this.client !== client) {
        return;
      }
      switch (e.newState) {
        case State.Starting:
          this.set({ is: "starting" });
          break;
        case State.Running:
          this.set({ is: "running", version: versionOf(client.initializeResult), binary });
          break;
        case State.Stopped:
          this.set({ is: "stopped" });
          break;
      }
    });
    this.client = client;
    try {
      await client.start();
      applyEdits(client);
    } catch (err) {
      this.client = undefined;
      throw new Error(`${binary.path} lsp did not start: ${reason(err)}`, { cause: err });
    }
  }

  private async end(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (client === undefined) {
      return;
    }
    try {
      await client.dispose(2000);
    } catch (err) {
      this.log.say(`the server did not end in time: ${reason(err)}`);
    }
    this.set({ is: "stopped" });
  }

  private options(): LanguageClientOptions {
    return {
      // Not the read-only sides of a comparison, nor cells of a chat.
      documentSelector: ["file", "untitled", "vscode-vfs", "vscode-remote"].map((scheme) => ({ scheme, language: "dockerfile" })),
      initializationOptions: () => serverSettings(),
      diagnosticCollectionName: "shale",
      outputChannel: this.log.channel,
      traceOutputChannel: this.log.channel,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      markdown: { supportHtml: false },
      middleware: middleware(),
    };
  }
}

function versionOf(result: InitializeResult | undefined): string {
  return result?.serverInfo?.version ?? "";
}

function middleware(): Middleware {
  const left = (doc: vscode.TextDocument): boolean => template(baseOf(doc.uri.path));
  return {
    // Templates are never opened with the server, and nothing is asked about them.
    didOpen: (doc, next) => (left(doc) ? Promise.resolve() : next(doc)),
    didChange: (event, next) => (left(event.document) ? Promise.resolve() : next(event)),
    didSave: (doc, next) => (left(doc) ? Promise.resolve() : next(doc)),
    didClose: (doc, next) => (left(doc) ? Promise.resolve() : next(doc)),
    sendRequest: (type, param, token, next) => {
      const uri = (param as { textDocument?: { uri?: string } } | undefined)?.textDocument?.uri;
      if (uri !== undefined && template(baseOf(vscode.Uri.parse(uri).path))) {
        return Promise.resolve(null as never);
      }
      return next(type, param, token);
    },
    workspace: {
      // The server is told its own settings, not those of this extension.
      configuration: async (params, token, next) => {
        const answers = await next(params, token);
        if (!Array.isArray(answers)) {
          return answers;
        }
        return answers.map((answer: unknown, i) => {
          const item = params.items[i];
          return item?.section === "shale" ? serverSettings(item.scopeUri === undefined ? undefined : vscode.Uri.parse(item.scopeUri)) : answer;
        });
      },
    },
  };
}

function baseOf(p: string): string {
  return path.posix.basename(p);
}

/** Restarts or tells the server when settings change. */
export function follow(server: Server): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.workspace.onDidChangeConfiguration((e) => {
      if (e.affectsConfiguration("shale.path")) {
        void server.restart();
      } else if (Object.keys(serverSettings()).some((s) => e.affectsConfiguration(`shale.${s}`))) {
        void server.tellSettings();
      }
    }),
    // Trust lets the workspace name the program.
    vscode.workspace.onDidGrantWorkspaceTrust(() => void server.restart()),
  );
}

