import { renameSync, rmSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { InstanceName } from "../../base/names.ts";
import { stage } from "../../platform/whole-file.ts";
import type { ProcessIdentity } from "./proc.ts";

/** What is on disk of an instance. It is written before the process is started (`process: null`) and again after. */
export interface InstanceRecord {
  readonly instance: InstanceName;
  readonly port: number;
  /** For health checks alone. Absent: there is none. */
  readonly healthPort?: number | undefined;
  /** In the environment of the process, so that one that was started but not yet recorded is found again. */
  readonly token: string;
  readonly process: ProcessIdentity | null;
}

/** A record that is on disk and does not count yet. */
export interface StagedRecord {
  /** From here on it counts. At once, so that it can be done in one stroke with the start of the process. */
  publish(): void;
  /** Takes it away, whether it counts or not. */
  discard(): void;
}

/** The records of one app's instances. */
export class InstanceFiles {
  readonly #directory: string;

  constructor(appDirectory: string) {
    this.#directory = join(appDirectory, "instances");
  }

  async read(instance: InstanceName): Promise<InstanceRecord | null> {
    try {
      return JSON.parse(await readFile(this.#path(instance), "utf8")) as InstanceRecord;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  }

  async write(record: InstanceRecord): Promise<void> {
    (await this.stage(record)).publish();
  }

  async stage(record: InstanceRecord): Promise<StagedRecord> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const path = this.#path(record.instance);
    const staged = await stage(path, JSON.stringify(record));
    let published = false;
    return {
      publish: () => {
        renameSync(staged, path);
        published = true;
      },
      discard: () => {
        rmSync(published ? path : staged, { force: true });
      },
    };
  }

  remove(instance: InstanceName): void {
    rmSync(this.#path(instance), { force: true });
  }

  async all(): Promise<readonly InstanceRecord[]> {
    const names = await readdir(this.#directory).catch(() => []);
    const records = await Promise.all(
      names
        .filter((name) => name.endsWith(".json") && !name.startsWith("."))
        .map((name) => this.read(name.slice(0, -".json".length))),
    );
    return records.filter((record) => record !== null);
  }

  #path(instance: InstanceName): string {
    return join(this.#directory, `${instance}.json`);
  }
}
