import type { Logger } from "../base/log.ts";
import type { Database } from "./data/database.ts";
import type { Effects } from "./data/effects.ts";
import { Keyspace } from "./data/keyspace.ts";
import { Replay } from "./data/replay.ts";
import { ScanCursors } from "./data/scan-cursors.ts";
import { Sweeper } from "./data/sweeper.ts";
import { Watchers } from "./commands/watchers.ts";
import { writeBase } from "./log/compaction.ts";
import { LogFiles } from "./log/log-files.ts";
import { tryRoom } from "./try-room.ts";
import { LogLoader } from "./log/log-loader.ts";
import { Log, type SyncPolicy } from "./log/log.ts";

export interface StoreOptions {
  readonly directory: string;
  readonly policy: SyncPolicy;
  /** About how many bytes all entries may take. */
  readonly memoryMax: number;
  /** The log is compacted when what changed since the last time is larger than the snapshot, and than this many bytes. */
  readonly compactAbove: number;
  readonly log: Logger;
  readonly onSettled: (batch: number) => void;
  readonly onBroken: (why: string) => void;
}

const NOTHING: Effects = {
  set: () => undefined,
  remove: () => undefined,
  expire: () => undefined,
  append: () => undefined,
  setFields: () => undefined,
  removeFields: () => undefined,
  clear: () => undefined,
};
const SWEEP_MS = 100;
/** Each start begins a file; so many are put together into a snapshot whatever their size. */
const FILES_MAX = 16;
/** A snapshot that failed is tried again when the log has grown by this part of what makes one worth while. */
const AGAIN_PART = 4;

/** The keys in memory together with their log on disk. First `load`, then `open`. */
export class Store {
  readonly keyspace: Keyspace;
  readonly cursors = new ScanCursors();
  readonly watchers = new Watchers();
  readonly #options: StoreOptions;
  readonly #files: LogFiles;
  readonly #sweeper: Sweeper;
  readonly #loader: LogLoader;
  #log: Log | null = null;
  #sweeping: NodeJS.Timeout | null = null;
  #compacting: Promise<void> | null = null;
  #keepsFiles = false;
  #baseBytes = 0;
  /** After a snapshot that failed: not again until the log is larger than this. */
  #notBefore = 0;
  #closedBytes = 0;
  #logs = 0;
  #damaged: string[] = [];

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#files = new LogFiles(options.directory);
    this.keyspace = new Keyspace({
      // While the log is read, nothing is written into it.
      effects: () => this.#log?.records ?? NOTHING,
      onChange: (database, key) => {
        this.#onChange(database, key);
      },
      onExpired: (database, key) => {
        this.watchers.changed(database, key);
        this.#log?.schedule();
      },
      onClear: (database) => {
        this.#onClear(database);
      },
    });
    this.#sweeper = new Sweeper(this.keyspace);
    this.#loader = new LogLoader(this.#files, new Replay(this.keyspace), options.log);
  }

  get log(): Log {
    if (this.#log === null) throw new Error("The log is not open");
    return this.#log;
  }

  /** Bytes of the log beside the snapshot. */
  get logBytes(): number {
    return this.#closedBytes + (this.#log?.bytes ?? 0);
  }

  get isCompacting(): boolean {
    return this.#compacting !== null;
  }

  /** Reads what is on disk by now, while another process may go on writing there. */
  follow(): Promise<void> {
    return this.#loader.follow();
  }

  /** Reads the rest; nobody else writes there any more. */
  async load(): Promise<void> {
    await this.#loader.follow();
    const { baseBytes, logBytes, files, damaged } = this.#loader.finish();
    this.#baseBytes = baseBytes;
    this.#closedBytes = logBytes;
    this.#logs = files;
    this.#damaged = [...damaged];
  }

  /** Begins to write: from now on changes are logged. */
  open(): void {
    const { policy, log, onBroken } = this.#options;
    const number = this.#files.present().highest + 1;
    this.#log = new Log({
      files: this.#files,
      number,
      policy,
      log,
      events: {
        onSettled: (batch) => {
          this.#onSettled(batch);
        },
        onBroken,
      },
    });
    this.#logs += 1;
  }

  /** Old files go, and expired keys from now on. */
  start(): void {
    this.resume();
    this.#files.removeOld(this.#files.present().base);
    if (this.#damaged.length > 0 || this.#logs > FILES_MAX) void this.compact();
  }

  /** Whether one more value may come; what has expired makes room first. */
  hasRoom(): boolean {
    const { memoryMax } = this.#options;
    if (this.keyspace.used < memoryMax) return true;
    this.#sweeper.makeRoom(() => this.keyspace.used < memoryMax);
    return this.keyspace.used < memoryMax;
  }

  /** Writes a new snapshot; what came before is deleted then. Asked for while one is under way, that one is waited for. */
  compact(): Promise<void> {
    this.#compacting ??= this.#compact().finally(() => {
      this.#compacting = null;
    });
    return this.#compacting;
  }

  /** No snapshot is being written, and none is begun before `resume`. */
  async keepFiles(): Promise<void> {
    this.#keepsFiles = true;
    await this.#compacting;
  }

  /** Everything is safe, and nothing changes any more by itself. */
  async pause(): Promise<void> {
    if (this.#sweeping !== null) clearInterval(this.#sweeping);
    this.#sweeping = null;
    await this.keepFiles();
    await this.#log?.flush();
  }

  /** Another process was about to take over and has failed: it may have begun a file. */
  async takeBack(): Promise<void> {
    try {
      await this.#rotate();
    } catch (error) {
      // What the other one has begun has no change in it: it never served.
      this.#options.log.error("no new file of the log could be begun; the present one goes on", { why: String(error) });
    }
    this.resume();
  }

  /** Takes back `pause`. */
  resume(): void {
    this.#keepsFiles = false;
    this.#sweeping ??= setInterval(() => {
      if (this.#log?.unwritable === null) this.#sweeper.turn();
    }, SWEEP_MS);
  }

  /** A snapshot that is being written is not waited for: the files before it have everything. */
  async close(): Promise<void> {
    if (this.#sweeping !== null) clearInterval(this.#sweeping);
    this.#sweeping = null;
    this.#keepsFiles = true;
    await this.#log?.close();
    this.#log = null;
  }

  async #compact(): Promise<void> {
    const { log, compactAbove } = this.#options;
    const begun = performance.now();
    try {
      const number = await this.#rotate();
      const bytes = await writeBase(this.keyspace, this.#files, number);
      for (const path of this.#damaged.splice(0)) this.#files.setAside(path);
      this.#files.removeOld(number);
      this.#baseBytes = bytes;
      this.#notBefore = 0;
      this.#closedBytes = 0;
      this.#logs = 1;
      log.info("the log was compacted", { bytes, keys: this.keyspace.size, ms: Math.round(performance.now() - begun) });
    } catch (error) {
      log.error("the log could not be compacted; it goes on growing", { why: String(error) });
      this.#removeUnfinished();
      this.#notBefore = this.logBytes + compactAbove / AGAIN_PART;
    }
  }

  /** Begins a new file. The present one is left only where there is room for another: without a file nothing could be written any more, also when there is room again. */
  async #rotate(): Promise<number> {
    await this.log.flush();
    tryRoom(this.#options.directory);
    const before = this.log.bytes;
    const number = await this.log.rotate();
    this.#closedBytes += before;
    return number;
  }

  /** The half of a snapshot takes the room that those who write are waiting for. */
  #removeUnfinished(): void {
    try {
      this.#files.removeOld(this.#files.present().base);
    } catch (error) {
      this.#options.log.error("an unfinished snapshot could not be removed", { why: String(error) });
    }
  }

  #onSettled(batch: number): void {
    for (const database of this.keyspace.databases) database.settle(batch);
    this.#options.onSettled(batch);
    const due = Math.max(this.#options.compactAbove, this.#baseBytes, this.#notBefore);
    if (this.#compacting === null && !this.#keepsFiles && this.logBytes > due) void this.compact();
  }

  #onChange(database: Database, key: string): void {
    const log = this.#log;
    if (log === null) return;
    this.watchers.changed(database, key);
    this.keyspace.barrier = log.pending;
    if (this.#options.policy === "always") database.noteChange(key, log.pending);
    log.schedule();
  }

  #onClear(database: Database): void {
    this.watchers.cleared(database);
    const log = this.#log;
    if (log === null) return;
    this.keyspace.barrier = log.pending;
    if (this.#options.policy === "always") database.clearedIn = log.pending;
    log.schedule();
  }
}
