import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { homedir } from "node:os";
import * as path from "node:path";
import * as vscode from "vscode";
import { expand, section } from "./settings.js";

/** The command that installs Shale. */
export const install = "go install github.com/shale-build/shale/cmd/shale@latest";

export interface Binary {
  path: string;
  from: "setting" | "workspace" | "PATH" | "Go";
}

/** Where the program is, or undefined: then setting is what the user named, if anything. */
export async function findBinary(): Promise<{ binary: Binary | undefined; setting: string }> {
  const setting = expand(section().get("path", ""));
  if (setting !== "") {
    // What the user named and is not there is told: another program in its place
    // would be a surprise.
    const there = await runnable(setting);
    return { binary: there === undefined ? undefined : { path: there, from: "setting" }, setting };
  }
  for (const [from, dirs] of places()) {
    for (const dir of dirs) {
      const there = await runnable(path.join(dir, "shale"));
      if (there !== undefined) {
        return { binary: { path: there, from }, setting };
      }
    }
  }
  return { binary: undefined, setting };
}

function places(): [Binary["from"], string[]][] {
  const env = process.env;
  // A folder that nobody trusts must not bring a program that is run when it opens.
  const folders = vscode.workspace.isTrusted ? (vscode.workspace.workspaceFolders ?? []) : [];
  const split = (list: string | undefined): string[] => (list ?? "").split(path.delimiter).filter((d) => path.isAbsolute(d));
  return [
    ["workspace", folders.filter((f) => f.uri.scheme === "file").map((f) => path.join(f.uri.fsPath, "bin"))],
    ["PATH", split(env["PATH"] ?? env["Path"])],
    // VS Code started from a desktop often lacks what a shell adds to the PATH.
    ["Go", [...split(env["GOBIN"]), ...split(env["GOPATH"]).map((d) => path.join(d, "bin")), path.join(homedir(), "go", "bin")]],
  ];
}

async function runnable(file: string): Promise<string | undefined> {
  const names = process.platform === "win32" && !/\.(exe|cmd|bat)$/i.test(file) ? [file + ".exe", file] : [file];
  for (const name of names) {
    try {
      await access(name, constants.X_OK);
      if ((await stat(name)).isFile()) {
        return name;
      }
    } catch {
      // the next
    }
  }
  return undefined;
}
