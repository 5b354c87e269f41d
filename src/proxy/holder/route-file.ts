import { createHash } from "node:crypto";
import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../base/log.ts";
import type { RouteTable } from "../../core/routes.ts";

interface Content {
  readonly sha256: string;
  readonly tables: readonly RouteTable[];
}

/**
 * The route tables on disk, so that a proxy that starts serves at once, without a daemon. Written whole (temp, fsync, rename); the version
 * before is kept for a file that turns out damaged.
 */
export class RouteFile {
  readonly #path: string;
  readonly #previous: string;
  readonly #log: Logger;
  #queue: Promise<void> = Promise.resolve();

  constructor(directory: string, log: Logger) {
    this.#path = join(directory, "routes.json");
    this.#previous = join(directory, "routes.previous.json");
    this.#log = log;
  }

  async load(): Promise<readonly RouteTable[]> {
    for (const path of [this.#path, this.#previous]) {
      const tables = await this.#read(path);
      if (tables !== null) return tables;
    }
    return [];
  }

  /** Resolves when the tables are on disk. Calls are written in their order. */
  save(tables: readonly RouteTable[]): Promise<void> {
    const saved = this.#queue.then(() => this.#write(tables));
    this.#queue = saved.catch(() => undefined);
    return saved;
  }

  async #write(tables: readonly RouteTable[]): Promise<void> {
    const content: Content = { sha256: checksum(tables), tables };
    const temporary = `${this.#path}.new`;
    const file = await open(temporary, "w", 0o600);
    try {
      await file.writeFile(JSON.stringify(content));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(this.#path, this.#previous).catch(ignoreMissing);
    await rename(temporary, this.#path);
  }

  async #read(path: string): Promise<readonly RouteTable[] | null> {
    try {
      const content = JSON.parse(await readFile(path, "utf8")) as Content;
      if (checksum(content.tables) === content.sha256) return content.tables;
      this.#log.error("a route table file is damaged and was not used", { path, why: "its checksum is wrong" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      this.#log.error("a route table file is damaged and was not used", { path, why: String(error) });
    }
    return null;
  }
}

function checksum(tables: readonly RouteTable[]): string {
  return createHash("sha256").update(JSON.stringify(tables)).digest("hex");
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
