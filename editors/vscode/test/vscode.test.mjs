// What a user sees of Shale in VS Code. Run by test.sh; $SHALE_TEST holds the .vsix
// and the program.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { Code, patience, until } from "./vscode.mjs";

const work = process.env.SHALE_TEST;
const vsix = path.join(work, "shale.vsix");
const bin = path.join(work, "bin");
const shots = work;

const shop = `# Für 😀 Käufer
FROM node:20-bookworm-slim AS shop

RUN apt-get update
RUN apt-get install -y --no-install-recommends python3 make g++
RUN rm -rf /var/lib/apt/lists/*

WORKDIR /srv/shop
COPY . .
RUN npm ci --omit=dev

USER node
CMD ["node", "src/server.js"]
`;

const stages = `FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY . .
RUN go build -o /out/shop .

FROM debian:12 AS final
COPY --chown=0 --from=build /out/shop /usr/local/bin/shop
RUN --mount=type=bind,from=build,source=/out,target=/mnt echo 'é 😀 build' && ls /mnt
ENTRYPOINT ["shop"]
`;

const cache = `FROM debian:12
RUN apt-get update && apt-get install -y --no-install-recommends curl
CMD ["curl", "--version"]
`;

const files = {
  Dockerfile: shop,
  "package.json": '{"name": "shop", "version": "1.0.0"}\n',
  "package-lock.json": '{"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "shop", "version": "1.0.0"}}}\n',
  ".dockerignore": "node_modules\n",
  "stages.Dockerfile": stages,
  "quick/Dockerfile": cache,
  "saved/Containerfile": cache,
  "command/Dockerfile.dev": cache,
  "typed/Dockerfile": "FROM debian:12\n",
  "laid/Dockerfile": "from debian:12\nRUN echo one && \\\necho two   \n",
  "names/Dockerfile.j2": "FROM {{ base }}\nRUN {{ nothing }\n",
  "names/Dockerfile.dockerignore": "*\n",
  "names/web.Dockerfile": cache,
};

/** What `shale fix` makes of a file where it stands. */
async function fixed(folder, name) {
  const copy = await mkdtemp(path.join(tmpdir(), "shale-fixed-"));
  try {
    await cp(folder, copy, { recursive: true });
    await promisify(execFile)(path.join(bin, "shale"), ["fix", "--exit-zero", path.join(copy, name)]);
    return await readFile(path.join(copy, name), "utf8");
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** A test that leaves a picture, of what went wrong too. */
function seen(code, name, body) {
  test(name, async () => {
    const shot = name.replace(/[^a-z0-9]+/gi, "-").toLowerCase();
    try {
      await body(code());
    } catch (err) {
      await code()?.shot(`FAILED-${shot}`);
      throw err;
    }
    await code().shot(shot);
  });
}

describe("a workspace with Dockerfiles", { concurrency: 1 }, () => {
  let code;
  const it = (name, body) => seen(() => code, name, body);
  before(async () => {
    code = await Code.start({ vsix, bin, shots, files });
  });
  after(() => code?.stop());

  it("findings are underlined and listed", async () => {
    await code.open("Dockerfile");
    // Extensions are started last of all, and nothing else waits for that.
    await until("squiggles", async () => (await code.squiggles().count()) >= 3, 3 * patience);
    await code.command("Problems: Focus on Problems View");
    const rows = await until("the list of findings", async () => {
      const all = await code.problems();
      return all.some((r) => r.includes("late-cleanup")) && all;
    });
    assert.ok(
      rows.some((r) => /shale \(?stale-package-index\)? \[Ln 5, Col 5\]/.test(r)),
      rows.join("\n"),
    );
    await code.press("Control+J");
  });

  it("the status item tells the version", async () => {
    const item = code.page.locator("#shale-build\\.shale\\.shale");
    await item.waitFor();
    const said = await until("the status", async () => {
      const label = await item.getAttribute("aria-label");
      return label.includes(path.join(bin, "shale")) && label;
    });
    const { stdout } = await promisify(execFile)(path.join(bin, "shale"), ["version"]);
    assert.ok(said.includes(stdout.split(" ")[1]), `${said}, but ${stdout}`);
    await item.click();
    await code.quick.locator(".monaco-list-row", { hasText: "Restart Server" }).waitFor();
    await code.shot("the-status-menu");
    await code.press("Escape");
  });

  it("hover explains an instruction and a finding", async () => {
    await code.open("Dockerfile");
    const line = code.line("rm -rf");
    await line.getByText("RUN").first().hover();
    await code.page.locator(".monaco-hover", { hasText: "layer" }).first().waitFor();
    await line.getByText("lists").first().hover();
    await code.page.locator(".monaco-hover", { hasText: "late-cleanup" }).first().waitFor();
    await code.press("Escape");
  });

  it("hints tell what ships", async () => {
    await code.open("stages.Dockerfile");
    await until("hints", async () => {
      const lines = await code.lines();
      return lines.some((l) => /AS build.*does not ship/.test(l)) && lines.some((l) => /AS final.*ships/.test(l));
    });
  });

  it("a quick fix by the light bulb", async () => {
    await code.open("quick/Dockerfile");
    await until("a squiggle", async () => (await code.squiggles().count()) >= 1);
    await code.goto(2, 10);
    const bulb = code.page.locator(".editor-instance :is(.lightBulbWidget:visible, .codicon-gutter-lightbulb, .codicon-gutter-lightbulb-auto-fix)").first();
    await bulb.waitFor();
    await bulb.click();
    const menu = code.page.locator(".action-widget");
    const offer = menu.locator(".monaco-list-row.action", { hasText: "/var/lib/apt/lists" }).first();
    await offer.waitFor();
    await code.shot("the-light-bulb");
    await offer.click();
    await until("the fix to be made", async () => (await code.lines()).some((l) => l.includes("rm -rf /var/lib/apt/lists/*")));
    await code.save();
    assert.equal(await code.read("quick/Dockerfile"), await fixed(code.folder, "names/web.Dockerfile"));
  });

  it("completion offers flags, stages and mount types", async () => {
    await code.open("typed/Dockerfile");
    const widget = code.page.locator(".suggest-widget.visible");
    const offered = async (text) => {
      await widget.locator(".monaco-list-row", { hasText: text }).first().waitFor();
    };
    await code.press("Control+End");
    await code.type("FROM debian:12 AS final\nCOPY --");
    await offered("--from");
    await code.type("from=");
    await offered("0");
    await code.press("Escape");
    await code.type("0 /etc/os-release /\nRUN --mount=type=");
    await offered("cache");
    await code.shot("completion-of-mount-types");
    await code.type("cac");
    await until("one offer", async () => (await widget.locator(".monaco-list-row").count()) === 1);
    await code.press("Tab");
    await until("the completion", async () => (await code.lines()).some((l) => l.includes("RUN --mount=type=cache")));
    await code.press("Escape");
    await code.closeAll();
  });

  it("rename changes a stage wherever it is named", async () => {
    await code.open("stages.Dockerfile");
    await code.goto(7, 24);
    await code.press("F2");
    const box = code.page.locator(".rename-box input.rename-input");
    await box.waitFor();
    await box.fill("compile");
    await box.press("Enter");
    await until("the new name", async () => (await code.lines()).some((l) => l.includes("AS compile")));
    await code.save();
    assert.equal(
      await code.read("stages.Dockerfile"),
      stages.replace("AS build", "AS compile").replace("--from=build", "--from=compile").replace(",from=build", ",from=compile"),
    );
  });

  it("definition leads from a stage's use to its FROM", async () => {
    await code.open("stages.Dockerfile");
    await code.goto(7, 24);
    await code.press("F12");
    await until("the cursor in line 1", async () => (await code.page.locator("#status\\.editor\\.selection").innerText()).startsWith("Ln 1,"));
  });

  it("the outline lists stages", async () => {
    await code.open("stages.Dockerfile");
    await code.press("Control+Shift+O");
    await code.quick.locator(".monaco-list-row", { hasText: "final" }).first().waitFor();
    await code.shot("the-outline");
    await code.press("Escape");
  });

  it("formatting lays a file out as shale fmt does", async () => {
    await code.open("laid/Dockerfile");
    await code.command("Format Document");
    await until("the layout", async () => (await code.lines()).some((l) => /^ +(&& )?echo two/.test(l)));
    await code.save();
    const file = path.join(code.folder, "laid/Dockerfile");
    const got = await readFile(file, "utf8");
    assert.notEqual(got, files["laid/Dockerfile"]);
    await promisify(execFile)(path.join(bin, "shale"), ["fmt", file]);
    assert.equal(await readFile(file, "utf8"), got);
  });

  it("a command fixes the file as shale fix does", async () => {
    const want = await fixed(code.folder, "command/Dockerfile.dev");
    await code.open("command/Dockerfile.dev");
    await code.command("Shale: Fix This File");
    await until("the fixes", async () => (await code.lines()).some((l) => l.includes("/var/lib/apt/lists")));
    await code.save();
    assert.equal(await code.read("command/Dockerfile.dev"), want);
  });

  it("saving fixes the file as shale fix does", async () => {
    await code.open("saved/Containerfile");
    await code.settings({ "[dockerfile]": { "editor.codeActionsOnSave": { "source.fixAll.shale": "explicit" } } });
    await code.press("Control+End");
    await code.type("# end");
    // The settings are followed in their own time: what is typed again is saved again.
    await until("the fix on save", async () => {
      await code.type(".");
      await code.save();
      return (await code.read("saved/Containerfile")).includes("/var/lib/apt/lists");
    });
    const got = await code.read("saved/Containerfile");
    assert.equal(got.replace(/# end\.+$/, ""), await fixed(code.folder, "names/web.Dockerfile"));
    await code.settings({});
  });

  it("what another tool covers is left to it", async () => {
    await code.open("names/web.Dockerfile");
    await until("a squiggle", async () => (await code.squiggles().count()) >= 1);
    await code.settings({ "shale.defer": ["hadolint"] });
    await until("the squiggles to go", async () => (await code.squiggles().count()) === 0);
    await code.settings({});
    await until("them to come back", async () => (await code.squiggles().count()) >= 1);
  });

  it("the page of a rule is shown without a network", async () => {
    await code.open("Dockerfile");
    await code.goto(6, 10);
    await code.command("Shale: Show Rule");
    const page = code.page.frameLocator("iframe.webview.ready").frameLocator("iframe#active-frame");
    await page.locator("h1", { hasText: "late-cleanup" }).waitFor();
    await code.shot("the-page-of-a-rule");
    await code.command("View: Close Editor");
  });

  it("names: templates and ignore files are no Dockerfiles", async () => {
    await code.open("names/web.Dockerfile");
    await code.page.locator("#status\\.editor\\.mode", { hasText: "Dockerfile" }).waitFor();
    await until("a squiggle", async () => (await code.squiggles().count()) >= 1);
    await code.open("names/Dockerfile.dockerignore");
    await code.page.locator("#status\\.editor\\.mode", { hasText: "Ignore" }).waitFor();
    await code.open("names/Dockerfile.j2");
    await code.command("Problems: Focus on Problems View");
    await until("findings of the other file alone", async () => {
      const rows = await code.problems();
      return rows.length > 0 && !rows.some((r) => r.includes("Dockerfile.j2")) && (await code.squiggles("error").count()) === 0;
    });
    await code.press("Control+J");
  });

  it("the server is restarted on demand", async () => {
    await code.open("Dockerfile");
    const pids = async () => (await promisify(execFile)("pgrep", ["-f", `${path.join(bin, "shale")} lsp`])).stdout.trim();
    const old = await pids();
    await code.command("Shale: Restart Server");
    await until("another process", async () => {
      const now = await pids();
      return now !== "" && now !== old && !now.includes("\n");
    });
    await until("squiggles", async () => (await code.squiggles().count()) >= 3);
  });

  it("the log tells what was started", async () => {
    await code.command("Shale: Show Log");
    await code.page.locator(".panel .view-lines", { hasText: "(found by PATH)" }).waitFor();
    await code.press("Control+J");
  });

  it("the workspace is fixed after a preview", async () => {
    const dir = code.folder;
    const want = { Dockerfile: await fixed(dir, "Dockerfile"), "names/web.Dockerfile": await fixed(dir, "names/web.Dockerfile") };
    await code.command("Shale: Fix the Workspace");
    const rows = (level) => code.page.locator(`.panel .monaco-list-row[aria-level="${level}"]`);
    await rows(1).filter({ hasText: "web.Dockerfile" }).waitFor();
    await code.shot("the-preview");
    assert.equal(await code.read("Dockerfile"), shop, "something was changed before it was agreed to");
    // A fix is taken whole or not at all: there is one tick for each file.
    assert.equal(await rows(2).count(), await rows(1).count());
    for (const name of Object.keys(want)) {
      const file = rows(1).filter({ hasText: path.basename(name) });
      const box = (name === "Dockerfile" ? file.filter({ hasNotText: "web." }) : file).locator(".edit-checkbox");
      assert.equal(await box.getAttribute("aria-checked"), "false");
      await box.click();
    }
    await code.page.locator(".panel .monaco-button", { hasText: "Apply" }).click();
    for (const [name, text] of Object.entries(want)) {
      await until(`${name} to be fixed`, async () => (await code.read(name)) === text);
    }
    assert.equal(await code.read("names/Dockerfile.j2"), files["names/Dockerfile.j2"]);
  });
});

describe("a machine without shale", { concurrency: 1 }, () => {
  let code;
  const it = (name, body) => seen(() => code, name, body);
  before(async () => {
    code = await Code.start({ vsix, bin: "", shots, files: { Dockerfile: cache } });
  });
  after(() => code?.stop());

  it("says how to install it, and starts once it is there", async () => {
    await code.open("Dockerfile");
    const told = code.notification("go install github.com/shale-build/shale/cmd/shale@latest");
    await told.waitFor({ timeout: 3 * patience });
    await told.getByText("Install in a Terminal").waitFor();
    await code.page.locator("#shale-build\\.shale\\.shale", { hasText: "Shale" }).waitFor();
    await code.shot("the-prompt");
    await code.settings({ "shale.path": path.join(bin, "shale") });
    await until("a squiggle", async () => (await code.squiggles().count()) >= 1);
  });

  it("names a setting that leads nowhere", async () => {
    await code.settings({ "shale.path": "/nowhere/shale" });
    await code.notification("/nowhere/shale").waitFor();
  });
});

describe("a workspace that nobody trusts", { concurrency: 1 }, () => {
  let code;
  const it = (name, body) => seen(() => code, name, body);
  const settings = { "security.workspace.trust.enabled": true, "security.workspace.trust.startupPrompt": "never", "security.workspace.trust.banner": "never" };
  before(async () => {
    const program = "#!/bin/sh\ntouch \"$HOME/was-run\"\n";
    code = await Code.start({
      vsix,
      bin,
      shots,
      settings,
      files: { Dockerfile: cache, "bin/shale": program, evil: program, ".vscode/settings.json": '{"shale.path": "${workspaceFolder}/evil"}' },
    });
  });
  after(() => code?.stop());

  it("brings no program of its own", async () => {
    await code.open("Dockerfile");
    await until("a squiggle", async () => (await code.squiggles().count()) >= 1, 3 * patience);
    await assert.rejects(readFile(path.join(code.top, "was-run")));
  });
});
