#!/usr/bin/env node
/*
 * The entry of the `hitless` command, in syntax that every Node.js understands: it finds out whether this Node.js is new enough, and if it
 * is not, runs itself again on the one that is installed beside (the `node` package), or says which version is needed.
 */
"use strict";

var fs = require("fs");
var path = require("path");
var NEEDED = [24, 15];

var root = path.dirname(path.dirname(fs.realpathSync(__filename)));

function isNewEnough(version) {
  var parts = version.split(".").map(Number);
  return parts[0] > NEEDED[0] || (parts[0] === NEEDED[0] && parts[1] >= NEEDED[1]);
}

function findPinned() {
  var places = [path.join(root, "node_modules", "node", "bin", "node"), path.join(root, "..", "node", "bin", "node")];
  for (var i = 0; i < places.length; i += 1) if (fs.existsSync(places[i])) return places[i];
  return null;
}

function runAgain(node) {
  var child = require("child_process").spawn(node, [__filename].concat(process.argv.slice(2)), {
    stdio: "inherit",
    env: Object.assign({}, process.env, { HITLESS_NODE: node }),
  });
  // A terminal sends Ctrl-C to both; the child decides what it means.
  process.on("SIGINT", function () {});
  ["SIGTERM", "SIGHUP"].forEach(function (signal) {
    process.on(signal, function () {
      child.kill(signal);
    });
  });
  child.on("error", function (error) {
    refuse(error.message);
  });
  child.on("exit", function (code, signal) {
    if (signal) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    } else process.exit(code);
  });
}

function refuse(why) {
  process.stderr.write(
    "hitless needs Node.js " +
      NEEDED.join(".") +
      " or newer; this is " +
      process.versions.node +
      " (" +
      process.execPath +
      ")." +
      (why ? "\n  " + why : "") +
      "\n  Install a newer one from your distribution or https://nodejs.org, or add it to the project: npm install --save-dev node@24 [ERR_NODE_TOO_OLD]\n",
  );
  process.exit(3);
}

if (isNewEnough(process.versions.node)) require("./run.cjs");
else {
  var pinned = process.env.HITLESS_NODE ? null : findPinned();
  if (pinned === null) refuse("");
  else runAgain(pinned);
}
