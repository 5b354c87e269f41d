import { existsSync, readFileSync } from "node:fs";
import { mkdir, open, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory, writeWhole } from "../../platform/whole-file.ts";
import type { JobEnd } from "../../ports/jobs.ts";
import type { ProcessIdentity } from "./proc.ts";

/** Jobs that are over are kept for looking at, so many per app. */
const KEPT = 200;

/** On disk before the process is started (`process: null`) and again after. */
export interface JobRecord {
  readonly job: string;
  /** In the environment of the process. */
  readonly token: string;
  /** Of the machine's start: after another one nothing is known of what ran. */
  readonly boot: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly process: ProcessIdentity | null;
}

/**
 * One job on disk: `record.json`; `claim`, made by the process before it does anything, which only one can make; `exit`, its exit code;
 * `end.json` where somebody else ended it; `output.log`.
 */
export class JobFiles {
  readonly directory: string;
  readonly #all: string;

  constructor(appDirectory: string, job: string) {
    this.#all = join(appDirectory, "tasks");
    this.directory = join(this.#all, encodeURIComponent(job));
  }

  get output(): string {
    return join(this.directory, "output.log");
  }

  async record(): Promise<JobRecord | null> {
    return (await readJson(join(this.directory, "record.json"))) as JobRecord | null;
  }

  async writeRecord(record: JobRecord): Promise<void> {
    await this.#write("record.json", record);
  }

  /** True if the job has begun its work. */
  isClaimed(): boolean {
    return existsSync(join(this.directory, "claim"));
  }

  /** Takes the job from whoever has not begun it yet. */
  async claim(): Promise<void> {
    const file = await open(join(this.directory, "claim"), "wx", 0o600).catch(() => null);
    await file?.close();
  }

  /** Null until the process has left its exit code; the newline says that it is whole. */
  exitCode(): number | null {
    try {
      const text = readFileSync(join(this.directory, "exit"), "utf8");
      return text.endsWith("\n") ? Number(text) : null;
    } catch {
      return null;
    }
  }

  async end(): Promise<JobEnd["how"] | null> {
    const written = (await readJson(join(this.directory, "end.json"))) as JobEnd["how"] | null;
    if (written !== null) return written;
    const code = this.exitCode();
    return code === null ? null : { kind: "exited", code };
  }

  async writeEnd(how: JobEnd["how"]): Promise<void> {
    await this.#write("end.json", how);
  }

  /** Removes the oldest jobs that are over. */
  async prune(): Promise<void> {
    const names = await readdir(this.#all).catch(() => []);
    if (names.length <= KEPT) return;
    const dated = await Promise.all(names.map(async (name) => ({ name, at: (await stat(join(this.#all, name))).mtimeMs })));
    dated.sort((a, b) => b.at - a.at);
    for (const { name } of dated.slice(KEPT)) {
      const over = ["exit", "end.json"].some((file) => existsSync(join(this.#all, name, file)));
      if (over) await rm(join(this.#all, name), { recursive: true, force: true });
    }
  }

  async #write(name: string, value: unknown): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    await writeWhole(join(this.directory, name), JSON.stringify(value));
    await syncDirectory(this.directory);
    await syncDirectory(this.#all);
  }
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
