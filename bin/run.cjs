"use strict";

const { existsSync, realpathSync } = require("node:fs");
const { enableCompileCache } = require("node:module");
const { homedir } = require("node:os");
const { dirname, join, sep } = require("node:path");
const { pathToFileURL } = require("node:url");

// What was compiled is kept for the next command, which starts in a third of the time. In the user's own directory: nobody else may write there.
enableCompileCache(process.env.NODE_COMPILE_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "hitless"));

// Node.js runs the sources as they stand, but not inside node_modules: there the built files are used.
const root = dirname(dirname(realpathSync(__filename)));
const source = join(root, "src", "app", "cli.ts");
const built = join(root, "dist", "app", "cli.js");
const runsSource = existsSync(source) && !root.includes(`${sep}node_modules${sep}`);
import(pathToFileURL(runsSource ? source : built).href).catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(70);
});
