import { mkdtempSync, rmSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { startPostgres, type DemoPostgres } from "../../../scripts/demo/postgres.ts";
import { freePort } from "../free-port.ts";

/** A server for all tests of a file, started before the first and gone after the last. */
export function sharedPostgres(): () => DemoPostgres {
  let place = "";
  let postgres: DemoPostgres | undefined;
  beforeAll(async () => {
    place = mkdtempSync(join(tmpdir(), "hl-pg-"));
    // PostgreSQL runs as another user where this one is root.
    await chmod(place, 0o755);
    postgres = await startPostgres(join(place, "pg"), await freePort());
  });
  afterAll(async () => {
    await postgres?.stop();
    rmSync(place, { recursive: true, force: true });
  });
  return () => {
    if (postgres === undefined) throw new Error("The server is started before the first test, not while the file is read.");
    return postgres;
  };
}
