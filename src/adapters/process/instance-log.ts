import { mkdir, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { InstanceName } from "../../base/names.ts";
import { removeLog, rotateLarge } from "../../platform/log-rotation.ts";

/** Logs of instances that are gone, per app. */
const LOGS_KEPT = 50;
const TAIL_BYTES = 64 * 1024;

/** The log files of one app's instances: the processes write to them themselves, so that they need no daemon. */
export class InstanceLogs {
  readonly directory: string;

  constructor(appDirectory: string) {
    this.directory = join(appDirectory, "logs");
  }

  path(instance: InstanceName): string {
    return join(this.directory, `${instance}.log`);
  }

  /** For the process's standard output and error; appends, so that a truncated file goes on at its beginning. */
  async open(instance: InstanceName): Promise<{ fd: number; close(): Promise<void> }> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    return open(this.path(instance), "a", 0o600);
  }

  /** Reads on in the rotated file where the newest holds too few lines. */
  async tail(instance: InstanceName, lines: number): Promise<readonly string[]> {
    const newest = await lastLines(this.path(instance), lines);
    if (newest.length >= lines) return newest;
    return [...(await lastLines(`${this.path(instance)}.1`, lines - newest.length)), ...newest];
  }

  /** Of those that have grown large. */
  async rotate(): Promise<void> {
    for (const name of await this.#names()) await rotateLarge(join(this.directory, name));
  }

  /** Removes the oldest logs of instances that are gone. */
  async prune(running: ReadonlySet<InstanceName>): Promise<void> {
    const gone = (await this.#names()).filter((name) => !running.has(name.slice(0, -".log".length)));
    if (gone.length <= LOGS_KEPT) return;
    const dated = await Promise.all(gone.map(async (name) => ({ name, at: (await stat(join(this.directory, name))).mtimeMs })));
    dated.sort((a, b) => b.at - a.at);
    for (const { name } of dated.slice(LOGS_KEPT)) await removeLog(join(this.directory, name));
  }

  async #names(): Promise<readonly string[]> {
    const names = await readdir(this.directory).catch(() => []);
    return names.filter((name) => name.endsWith(".log"));
  }
}

async function lastLines(path: string, lines: number): Promise<readonly string[]> {
  const file = await open(path, "r").catch(() => null);
  if (file === null) return [];
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, start);
    const all = buffer.toString("utf8", 0, bytesRead).split("\n");
    if (all.at(-1) === "") all.pop();
    // Reading began somewhere within a line, unless there is only one.
    if (start > 0 && all.length > 1) all.shift();
    return all.slice(Math.max(0, all.length - lines));
  } finally {
    await file.close();
  }
}
