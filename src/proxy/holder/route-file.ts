import { createHash } from "node:crypto";
import { link, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../base/log.ts";
import type { RouteTable } from "../../core/routes.ts";
import { stage, syncDirectory } from "../../platform/whole-file.ts";

interface Content {
  readonly sha256: string;
  readonly tables: readonly RouteTable[];
}

/**
 * The route tables on disk, so that a proxy that starts serves at once, without a daemon. Written whole (temp, fsync, rename), so that the
 * file is complete at every moment; the version before is kept for one that turns out damaged.
 */
export class RouteFile {
  readonly #directory: string;
  readonly #path: string;
  readonly #previous: string;
  readonly #log: Logger;
  #loadWarning: string | null = null;
  #saveWarning: string | null = null;
  #queue: Promise<void> = Promise.resolve();

  constructor(directory: string, log: Logger) {
    this.#directory = directory;
    this.#path = join(directory, "routes.json");
    this.#previous = join(directory, "routes.previous.json");
    this.#log = log;
  }

  /** What an operator should know of it, until it has been written again. */
  get warnings(): readonly string[] {
    return [this.#loadWarning, this.#saveWarning].filter((warning) => warning !== null);
  }

  /** The last good tables; none only where there is no readable file at all. */
  async load(): Promise<readonly RouteTable[]> {
    const current = await this.#read(this.#path);
    if (typeof current !== "string") return current;
    const previous = await this.#read(this.#previous);
    const missing = [current, previous].every((found) => found === MISSING);
    // A proxy that has never had a table has neither file.
    if (missing) return [];
    const problem = `${this.#path} ${current}`;
    if (typeof previous === "string") {
      this.#warn(`${problem}, ${this.#previous} ${previous}: no app is served before the daemon has sent its table`);
      return [];
    }
    this.#warn(`${problem}: the tables before the last change are served until the daemon has sent newer ones`);
    return previous;
  }

  /** Resolves when the tables are on disk. Calls are written in their order. */
  save(tables: readonly RouteTable[]): Promise<void> {
    const saved = this.#queue.then(() => this.#saveOne(tables));
    this.#queue = saved.catch(() => undefined);
    return saved;
  }

  async #saveOne(tables: readonly RouteTable[]): Promise<void> {
    try {
      await this.#write(tables);
      this.#loadWarning = null;
      this.#saveWarning = null;
    } catch (error) {
      this.#saveWarning = `the route tables cannot be saved (${String(error)}): a proxy that starts again would serve older ones`;
      throw error;
    }
  }

  async #write(tables: readonly RouteTable[]): Promise<void> {
    const text = JSON.stringify(tables);
    const staged = await stage(this.#path, `{"sha256":"${sha256(text)}","tables":${text}}`);
    await this.#keepPrevious();
    await rename(staged, this.#path);
    await syncDirectory(this.#directory);
  }

  /** A second name for the present file, put in the place of the old copy: the first name is never missing. A damaged file is no copy to keep. */
  async #keepPrevious(): Promise<void> {
    if (this.#loadWarning !== null) return;
    const second = `${this.#previous}.new`;
    try {
      await rm(second, { force: true });
      await link(this.#path, second);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    }
    await rename(second, this.#previous);
  }

  /** The tables, or what is wrong. */
  async #read(path: string): Promise<readonly RouteTable[] | string> {
    try {
      const content = JSON.parse(await readFile(path, "utf8")) as Content;
      return sha256(JSON.stringify(content.tables)) === content.sha256 ? content.tables : "is damaged (its checksum is wrong)";
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return MISSING;
      return `is damaged (${error instanceof Error ? error.message : String(error)})`;
    }
  }

  #warn(warning: string): void {
    this.#loadWarning = warning;
    this.#log.error("the route tables on disk are not what was written last", { warning });
  }
}

const MISSING = "is missing";

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
