#!/usr/bin/env node
"use strict";
// Runs the program that this platform's package brought.
const { spawn } = require("node:child_process");
const { constants } = require("node:os");

const name = `@shale-build/shale-${process.platform}-${process.arch}`;
let program;
try {
  program = require.resolve(`${name}/${process.platform === "win32" ? "shale.exe" : "shale"}`);
} catch {
  console.error(
    `shale: error: ${name} is not installed: there is none for this platform, or it was left out by --omit=optional; other ways to install Shale: https://github.com/shale-build/shale#install`,
  );
  process.exit(2);
}
const child = spawn(program, process.argv.slice(2), { stdio: "inherit", windowsHide: true });
// Ctrl-C goes to both: the program decides when it ends.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (err) => {
  console.error(`shale: error: ${err.message}`);
  process.exit(2);
});
child.on("exit", (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
