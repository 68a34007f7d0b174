// node peers.js NODE_MODULES TOOL FILE...: gives each file to a tool in one process, and
// prints on how many of them it failed.
const { readFileSync } = require("fs");
const [modules, tool, ...files] = process.argv.slice(2);
const load = (name) => require(modules + "/" + name);

async function main() {
  let each;
  switch (tool) {
    case "dockerfilelint": {
      const lint = load("dockerfilelint");
      each = (text) => lint.run(".", text);
      break;
    }
    case "dockerfile-utils": {
      const { validate } = load("dockerfile-utils");
      each = (text) => validate(text);
      break;
    }
    default:
      throw new Error("unknown tool " + tool);
  }
  let failed = 0;
  for (const file of files) {
    try {
      await each(readFileSync(file, "utf8"));
    } catch {
      failed++;
    }
  }
  console.log(failed);
}
main().catch((e) => { console.error(e); process.exit(1); });
