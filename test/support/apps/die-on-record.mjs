/**
 * Loaded into a daemon before everything else: kills it with SIGKILL at an entry of its journal. The file DIE_FILE says when: `before 3`
 * at the third entry from when the file was written, just before it is committed (what was done is not on record), `after 3` just after
 * (what is on record is not done). Without the file nothing happens.
 */
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

const { prepare, exec } = DatabaseSync.prototype;
let order = "";
let entries = 0;
let inEntry = false;

DatabaseSync.prototype.prepare = function (sql) {
  const statement = prepare.call(this, sql);
  if (!sql.startsWith("INSERT INTO journal")) return statement;
  const run = statement.run.bind(statement);
  statement.run = (...values) => {
    inEntry = true;
    return run(...values);
  };
  return statement;
};

DatabaseSync.prototype.exec = function (sql) {
  if (!inEntry || sql !== "COMMIT") return exec.call(this, sql);
  inEntry = false;
  const [when, at] = (count(), order.split(" "));
  if (when === "before" && entries === Number(at)) process.kill(process.pid, "SIGKILL");
  exec.call(this, sql);
  if (when === "after" && entries === Number(at)) process.kill(process.pid, "SIGKILL");
};

function count() {
  const now = ordered();
  entries = now === order ? entries + 1 : 1;
  order = now;
}

function ordered() {
  try {
    return readFileSync(process.env.DIE_FILE, "utf8");
  } catch {
    return "";
  }
}
