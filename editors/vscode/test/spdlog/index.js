// The interface of @vscode/spdlog 0.15, as far as VS Code calls it.
const { appendFileSync, mkdirSync } = require("node:fs");
const path = require("node:path");

const levels = ["trace", "debug", "info", "warn", "error", "critical"];

class Logger {
  level = 2;
  plain = false;

  constructor(_type, _name, file) {
    this.file = file;
    mkdirSync(path.dirname(file), { recursive: true });
    appendFileSync(file, "");
    levels.forEach((name, level) => {
      this[name] = (message) => {
        if (level >= this.level) {
          appendFileSync(this.file, this.plain ? message : `${new Date().toISOString()} [${name}] ${message}\n`);
        }
      };
    });
  }

  getLevel() {
    return this.level;
  }

  setLevel(level) {
    this.level = level;
  }

  setPattern() {}

  clearFormatters() {
    this.plain = true;
  }

  flush() {}

  drop() {}
}

exports.version = 1;
exports.Logger = Logger;
exports.setLevel = () => {};
exports.setFlushOn = () => {};
exports.createRotatingLogger = async (name, file) => new Logger("rotating", name, file);
exports.createAsyncRotatingLogger = async (name, file) => new Logger("rotating_async", name, file);
