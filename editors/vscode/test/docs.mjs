// Takes the two pictures of the README: docs/findings.png and docs/fix.png.
import { cp, mkdir, readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Code, until } from "./vscode.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const work = process.env.SHALE_TEST;
const demo = path.join(here, "../../../testdata/demo");

const files = {};
for (const name of await readdir(demo, { recursive: true, withFileTypes: true })) {
  if (name.isFile()) {
    const file = path.join(name.parentPath, name.name);
    files[path.relative(demo, file)] = await readFile(file, "utf8");
  }
}

const code = await Code.start({
  vsix: path.join(work, "shale.vsix"),
  bin: path.join(work, "bin"),
  shots: work,
  files,
  settings: { "workbench.activityBar.location": "hidden", "editor.fontFamily": "DejaVu Sans Mono", "editor.fontSize": 13, "breadcrumbs.enabled": false },
  size: { width: 1100, height: 560 },
});
try {
  await code.open("Dockerfile");
  await until("squiggles", async () => (await code.squiggles().count()) >= 3);
  await code.command("View: Toggle Primary Side Bar Visibility");
  await code.command("Problems: Focus on Problems View");
  await until("the findings", async () => (await code.problems()).length > 4);
  await code.clear();
  await code.shot("findings");

  await code.press("Control+J");
  await code.press("Control+1");
  await code.goto(6, 10);
  await code.press("Control+.");
  await code.page.locator(".action-widget .monaco-list-row.action").first().waitFor();
  await code.page.waitForTimeout(500);
  await code.shot("fix");
} finally {
  await code.stop();
}
const docs = path.join(here, "../docs");
await mkdir(docs, { recursive: true });
for (const name of ["findings.png", "fix.png"]) {
  await cp(path.join(work, name), path.join(docs, name));
}
