// Makes npm's packages from a release's archives: one with the program for each
// platform, and @shale-build/shale, which depends on them all and runs the one that
// npm installed.
//   node .ci/npm/pack.mjs v1.2.3 DIST OUT
// DIST has shale_OS_ARCH.tar.gz; those that are missing are an error, unless ONLY
// names the platforms to pack (linux-x64,…). OUT gets the tarballs, in the order in
// which they are to be published.
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const [tag, dist, out] = process.argv.slice(2);
if (!/^v\d+\.\d+\.\d+/.test(tag ?? "") || !dist || !out) {
  console.error("usage: node .ci/npm/pack.mjs v1.2.3 DIST OUT");
  process.exit(2);
}
const version = tag.slice(1);
const systems = { linux: "linux", darwin: "darwin", win32: "windows" };
const machines = { x64: "amd64", arm64: "arm64" };
const only = process.env.ONLY?.split(",");

const common = {
  version,
  license: "Apache-2.0",
  homepage: "https://github.com/shale-build/shale",
  repository: { type: "git", url: "git+https://github.com/shale-build/shale.git" },
};

const work = mkdtempSync(join(tmpdir(), "shale-npm-"));
mkdirSync(out, { recursive: true });
let packed = 0;

// pack makes a tarball of a package's folder; its name begins with its place in the
// order, as what is depended on is published first.
function pack(dir, manifest) {
  writeFileSync(join(dir, "package.json"), JSON.stringify(manifest, null, 2) + "\n");
  copyFileSync(join(here, "..", "..", "editors", "vscode", "LICENSE"), join(dir, "LICENSE"));
  const [{ filename }] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", resolve(out)], { cwd: dir, encoding: "utf8" }),
  );
  const name = `${++packed}-${filename}`;
  renameSync(join(out, filename), join(out, name));
  console.log(join(out, name));
}

try {
  const optionalDependencies = {};
  for (const [os, goos] of Object.entries(systems)) {
    for (const [cpu, goarch] of Object.entries(machines)) {
      const platform = `${os}-${cpu}`;
      optionalDependencies[`@shale-build/shale-${platform}`] = version;
      if (only && !only.includes(platform)) continue;
      const archive = join(dist, `shale_${goos}_${goarch}.tar.gz`);
      if (!existsSync(archive)) throw new Error(`${archive} is missing`);
      const exe = os === "win32" ? "shale.exe" : "shale";
      const dir = join(work, platform);
      mkdirSync(dir);
      execFileSync("tar", ["-xzf", resolve(archive), "-C", dir, exe]);
      chmodSync(join(dir, exe), 0o755);
      writeFileSync(join(dir, "README.md"), `The program of [Shale](${common.homepage}) for ${platform}. Install @shale-build/shale instead.\n`);
      pack(dir, {
        name: `@shale-build/shale-${platform}`,
        description: `Shale's program for ${platform}`,
        ...common,
        os: [os],
        cpu: [cpu],
        files: [exe],
        preferUnplugged: true,
      });
    }
  }
  const dir = join(work, "shale");
  mkdirSync(dir);
  copyFileSync(join(here, "README.md"), join(dir, "README.md"));
  copyFileSync(join(here, "shale.js"), join(dir, "shale.js"));
  chmodSync(join(dir, "shale.js"), 0o755);
  pack(dir, {
    name: "@shale-build/shale",
    description: "Makes Dockerfiles build small and rebuild fast, and breaks none",
    keywords: ["dockerfile", "docker", "linter", "formatter", "lsp"],
    ...common,
    bin: { shale: "shale.js" },
    files: ["shale.js"],
    engines: { node: ">=18" },
    optionalDependencies,
  });
} finally {
  rmSync(work, { recursive: true, force: true });
}
