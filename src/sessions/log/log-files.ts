import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const FORM = /^(base|log)-(\d{8})\.hlog$/;

/**
 * The files of a data directory. `base-N` is a whole snapshot; `log-M` with M >= N has what changed since. A base is renamed to its name when it is
 * complete and safe, so the newest base with all logs from its number on is the state, whenever the process was killed.
 */
export class LogFiles {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  base(number: number): string {
    return join(this.directory, `base-${String(number).padStart(8, "0")}.hlog`);
  }

  log(number: number): string {
    return join(this.directory, `log-${String(number).padStart(8, "0")}.hlog`);
  }

  /** The newest base (0: none), the logs that belong to it in their order, and the highest number in use. */
  present(): { readonly base: number; readonly logs: readonly number[]; readonly highest: number } {
    const found = this.#found();
    const base = Math.max(0, ...found.filter(({ kind }) => kind === "base").map(({ number }) => number));
    const logs = found.filter(({ kind, number }) => kind === "log" && number >= base).map(({ number }) => number);
    return { base, logs: logs.sort((a, b) => a - b), highest: Math.max(base, ...logs) };
  }

  /** What came before the base, and unfinished snapshots. */
  removeOld(base: number): void {
    for (const { name, number } of this.#found()) if (number < base) rmSync(join(this.directory, name), { force: true });
    for (const name of readdirSync(this.directory))
      if (name.endsWith(".part")) rmSync(join(this.directory, name), { force: true });
    this.sync();
  }

  /** A snapshot that is complete takes its name. */
  publish(part: string, number: number): void {
    renameSync(part, this.base(number));
    this.sync();
  }

  /** Sets a file that was damaged aside, for people to look at. */
  setAside(path: string): void {
    renameSync(path, `${path}.damaged`);
    this.sync();
  }

  /** Names are safe too. */
  sync(): void {
    const fd = openSync(this.directory, "r");
    fsyncSync(fd);
    closeSync(fd);
  }

  #found(): { readonly name: string; readonly kind: string; readonly number: number }[] {
    return readdirSync(this.directory).flatMap((name) => {
      const match = FORM.exec(name);
      return match === null ? [] : [{ name, kind: match[1] ?? "", number: Number(match[2]) }];
    });
  }
}
