import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { processesOf } from "../../test/support/processes.ts";

const SHOP = fileURLToPath(new URL("../../examples/shop/", import.meta.url));

/** Everything the demo writes, in one temporary directory. */
export class Workspace {
  readonly path = mkdtempSync(join(tmpdir(), "hitless-demo-"));
  readonly state = join(this.path, "state");
  readonly shop = join(this.path, "shop");
  readonly database = join(this.path, "pg");

  constructor() {
    // PostgreSQL runs as another user where this one is root.
    chmodSync(this.path, 0o755);
  }

  /** The shop as its developer has it on disk before the first deployment. */
  writeRelease1(): void {
    cpSync(join(SHOP, "app"), this.shop, { recursive: true, filter: (path) => !path.includes("node_modules") });
  }

  /** The developer has edited some files. */
  writeRelease2(): void {
    cpSync(join(SHOP, "release-2"), this.shop, { recursive: true });
  }

  /** What release 2 brings for the database, its procedure by its head. */
  newSql(): readonly string[] {
    const read = (path: string): string[] =>
      readFileSync(join(SHOP, "release-2", path), "utf8")
        .trimEnd()
        .split("\n");
    const routine = read("procedures/create_order.sql").slice(0, 2).join(" ");
    return [...read("migrations/0002_channels.sql"), `${routine} …`, ...read("deploy/steps/0001-product-names.yaml")];
  }

  /** Processes that still have to do with this directory. */
  leftovers(): readonly string[] {
    return processesOf(this.path).map(({ pid, command }) => `${String(pid)} ${command.slice(0, 120)}`);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
