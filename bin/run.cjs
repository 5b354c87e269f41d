"use strict";

const { existsSync, realpathSync } = require("node:fs");
const { dirname, join, sep } = require("node:path");
const { pathToFileURL } = require("node:url");

// Node.js runs the sources as they stand, but not inside node_modules: there the built files are used.
const root = dirname(dirname(realpathSync(__filename)));
const source = join(root, "src", "app", "cli.ts");
const built = join(root, "dist", "app", "cli.js");
const runsSource = existsSync(source) && !root.includes(`${sep}node_modules${sep}`);
import(pathToFileURL(runsSource ? source : built).href).catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(70);
});
