import { appendFileSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { LogKeeper } from "../../../src/app/log-keeper.ts";
import { createLogger } from "../../../src/app/logger.ts";
import { temporaryDirectory } from "../../support/temp.ts";

const LARGE = "x".repeat(11 * 1024 * 1024);

test("the logs of daemon, proxy and state servers are rotated, and the daemon goes on in the emptied one", async () => {
  const state = temporaryDirectory();
  const all = ["daemon.log", "proxy/proxy.log", "apps/shop/sessions/server.log"].map((path) => join(state, path));
  for (const path of all) {
    mkdirSync(dirname(path), { recursive: true });
    appendFileSync(path, LARGE);
  }
  const log = createLogger(join(state, "daemon.log"), "daemon");
  await new LogKeeper(state, log).rotate();
  expect(all.map((path) => statSync(path).size)).toEqual([0, 0, 0]);
  expect(all.map((path) => statSync(`${path}.1`).size)).toEqual(all.map(() => LARGE.length));
  log.info("afterwards");
  expect(readFileSync(join(state, "daemon.log"), "utf8")).toContain('"msg":"afterwards"');
  expect(statSync(join(state, "daemon.log")).size).toBeLessThan(1_000);
});
