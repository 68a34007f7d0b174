// Drives the real VS Code: code-server, with the extension installed from its .vsix,
// in Debian's Chromium.
import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const here = path.dirname(fileURLToPath(import.meta.url));
const entry = path.join(here, "node_modules/code-server/out/node/entry.js");

/** How long anything may take to show: long, for a machine that others keep busy. */
export const patience = 60_000;

const quiet = {
  "chat.agentHost.enabled": false,
  "chat.disableAIFeatures": true,
  "editor.accessibilitySupport": "off",
  "editor.codeLens": true,
  "editor.cursorBlinking": "solid",
  "editor.hover.delay": 100,
  "editor.inlayHints.enabled": "on",
  "editor.minimap.enabled": false,
  "extensions.autoCheckUpdates": false,
  "extensions.autoUpdate": false,
  "extensions.ignoreRecommendations": true,
  "files.autoSave": "off",
  "git.enabled": false,
  "security.workspace.trust.enabled": false,
  "telemetry.telemetryLevel": "off",
  "window.commandCenter": false,
  "workbench.colorTheme": "Default Dark Modern",
  "workbench.enableExperiments": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
};

/** Waits until f answers with something, and hands it back. */
export async function until(what, f, patient = patience) {
  const end = Date.now() + patient;
  let last;
  for (;;) {
    try {
      const it = await f();
      if (it) return it;
      last = undefined;
    } catch (err) {
      last = err;
    }
    if (Date.now() > end) {
      throw new Error(`waited ${patient / 1000} s in vain for ${what}${last === undefined ? "" : `: ${last.message}`}`);
    }
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** One server and its browser; each has its own home, settings and folder. */
export class Code {
  /**
   * vsix is the extension; bin the folder of shale, "" for none on the PATH; shots
   * where pictures go; files the workspace's; settings the user's, over the quiet ones.
   */
  static async start({ vsix, bin, shots, files, settings = {}, size = { width: 1280, height: 800 } }) {
    const code = new Code();
    code.shots = shots;
    code.top = await mkdtemp(path.join(tmpdir(), "shale-vscode-"));
    code.folder = path.join(code.top, "shop");
    await mkdir(shots, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      await code.write(name, text);
    }
    await mkdir(path.join(code.top, "user/User"), { recursive: true });
    await writeFile(path.join(code.top, "user/User/settings.json"), JSON.stringify({ ...quiet, ...settings }, null, 2));
    // VS Code asks a login shell what the PATH is.
    const PATH = [...(bin === "" ? [] : [bin]), "/usr/bin", "/bin"].join(":");
    await writeFile(path.join(code.top, ".profile"), `PATH=${PATH}\n`);
    code.env = { HOME: code.top, LANG: "C.UTF-8", PATH, SHELL: "/bin/bash" };
    const dirs = ["--user-data-dir", path.join(code.top, "user"), "--extensions-dir", path.join(code.top, "extensions")];
    await promisify(execFile)(process.execPath, [entry, ...dirs, "--install-extension", vsix], { env: code.env, timeout: 2 * patience }).catch((err) => {
      throw new Error(`the extension was not installed: ${String(err.stderr).slice(-2000)}`);
    });
    await code.serve(dirs);
    try {
      code.browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--lang=en-US"] });
      const context = await code.browser.newContext({ viewport: size, permissions: ["clipboard-read", "clipboard-write"], locale: "en-US" });
      code.page = await context.newPage();
      code.page.setDefaultTimeout(patience);
      // On a machine that others keep busy VS Code gives its extensions up: once more.
      for (let tries = 3; ; tries--) {
        await code.load();
        await code.open("Dockerfile");
        const item = code.page.locator("#shale-build\\.shale\\.shale");
        if (await item.waitFor({ timeout: 1.5 * patience }).then(() => true, () => false)) break;
        if (tries === 1) throw new Error("the extension was not started");
      }
    } catch (err) {
      await code.page?.screenshot({ path: path.join(shots, "FAILED-to-start.png") }).catch(() => {});
      await code.stop();
      throw new Error(`${err.message}\n${code.said.slice(-4000)}`, { cause: err });
    }
    return code;
  }

  async serve(dirs) {
    this.said = "";
    this.server = spawn(
      process.execPath,
      [entry, ...dirs, "--auth", "none", "--bind-addr", "127.0.0.1:0", "--disable-telemetry", "--disable-update-check", "--disable-getting-started-override"],
      { env: this.env, stdio: ["ignore", "pipe", "pipe"], detached: true },
    );
    for (const out of [this.server.stdout, this.server.stderr]) {
      out.setEncoding("utf8").on("data", (text) => (this.said += text));
    }
    this.url = await until("code-server to listen", () => {
      if (this.server.exitCode !== null) throw new Error(this.said);
      return this.said.match(/HTTP server listening on (http:\/\/[0-9.:]+)/)?.[1];
    });
  }

  async load() {
    await this.page.goto(`${this.url}/?folder=${this.folder}`, { timeout: 2 * patience });
    await this.page.locator(".explorer-folders-view .monaco-list-row").first().waitFor({ timeout: 2 * patience });
  }

  async stop() {
    await this.browser?.close();
    try {
      process.kill(-this.server.pid); // it and its children, which it leads
    } catch {
      // it has ended
    }
    await rm(this.top, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  /** Writes the workspace's settings, which VS Code follows. */
  async settings(all) {
    await this.write(".vscode/settings.json", JSON.stringify(all, null, 2));
  }

  async write(name, text) {
    const file = path.join(this.folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text, { mode: text.startsWith("#!") ? 0o755 : 0o644 });
  }

  read(name) {
    return readFile(path.join(this.folder, name), "utf8");
  }

  async shot(name) {
    await this.page.screenshot({ path: path.join(this.shots, `${name}.png`) });
  }

  /** Takes notifications off the picture. */
  async clear() {
    await this.command("Notifications: Clear All Notifications");
    await this.page.mouse.move(5, 5);
    await this.page.waitForTimeout(300);
  }

  press(keys) {
    return this.page.keyboard.press(keys);
  }

  type(text) {
    return this.page.keyboard.type(text, { delay: 15 });
  }

  /** The quick input: its box takes what is typed, rows what it offers. */
  get quick() {
    return this.page.locator(".quick-input-widget");
  }

  async pick(text) {
    const row = this.quick.locator(".monaco-list-row", { hasText: text }).first();
    await row.waitFor();
    await row.click();
  }

  async command(title) {
    await this.press("F1");
    await this.quick.locator("input").first().fill(`>${title}`);
    await this.pick(title);
  }

  /** Opens a file of the folder and waits until it is in front. */
  async open(name) {
    // The label tells of problems in the file, too.
    const tab = this.page.locator(["$=", "*="].map((is) => `.tab.active .monaco-icon-label[aria-label${is}"/shop/${name}${is === "*=" ? " •" : ""}"]`).join(", "));
    // The box may close under an attempt: each of its steps waits a little, so that another is made.
    const timeout = patience / 8;
    await until(`${name} to be opened`, async () => {
      await this.press("Control+P");
      await this.quick.locator("input").first().fill(path.join(this.folder, name), { timeout });
      await this.quick.locator(".monaco-list-row", { hasText: path.basename(name) }).first().waitFor({ timeout });
      await this.page.waitForTimeout(300); // what was opened before is listed first
      await this.press("Enter");
      await this.quick.waitFor({ state: "hidden", timeout });
      return tab.waitFor({ timeout: 5000 }).then(() => true);
    });
    await this.page.locator(".editor-instance .view-lines").first().waitFor();
  }

  async goto(line, column = 1) {
    await this.press("Control+G");
    await this.quick.locator("input").first().fill(`:${line}:${column}`);
    await this.press("Enter");
    await this.quick.waitFor({ state: "hidden" });
    await until(`the cursor to stand at ${line}:${column}`, async () => (await this.page.locator("#status\\.editor\\.selection").innerText()).startsWith(`Ln ${line}, Col ${column}`));
  }

  async save() {
    await this.press("Control+S");
    await until("the file to be saved", async () => (await this.page.locator(".tab.active.dirty").count()) === 0);
  }

  async closeAll() {
    await this.command("View: Revert and Close Editor");
  }

  /** The text of the editor in front, as far as it is drawn. */
  async lines() {
    const found = await this.page.locator(".editor-instance .view-lines > .view-line").evaluateAll((all) =>
      all.map((e) => ({ top: parseFloat(e.style.top), text: e.innerText })).sort((a, b) => a.top - b.top),
    );
    return found.map((l) => l.text.replaceAll("\u00a0", " "));
  }

  /** The drawn line that holds a text. */
  line(text) {
    return this.page.locator(".editor-instance .view-line").filter({ hasText: text }).first();
  }

  squiggles(severity = "warning") {
    return this.page.locator(`.editor-instance .view-overlays .squiggly-${severity}`);
  }

  /** What the Problems view lists: a text for each finding. */
  async problems() {
    const rows = await this.page.locator(".markers-panel .monaco-list-row").allInnerTexts();
    return rows.map((t) => t.replace(/\s+/g, " "));
  }


  notification(text) {
    return this.page.locator(".notifications-toasts .notification-toast", { hasText: text });
  }
}
