import type { Logger } from "../../base/log.ts";
import { isLackOfRoom, LogFile } from "./log-file.ts";
import type { LogFiles } from "./log-files.ts";
import { RecordWriter } from "./records.ts";

/** When a change is answered: when it is safe on disk, or when the system has it, which makes it safe once a second. */
export type SyncPolicy = "always" | "everysec";

export interface LogEvents {
  /** Every batch up to this one may be answered. */
  onSettled(batch: number): void;
  /** What was written can no longer be trusted: only a restart, which reads what there is, helps. */
  onBroken(why: string): void;
}

export interface LogOptions {
  readonly files: LogFiles;
  readonly number: number;
  readonly policy: SyncPolicy;
  readonly log: Logger;
  readonly events: LogEvents;
}

const SYNC_MS = 1_000;
const RETRY_MS = 250;
/** A disk is quick if a write takes less than this on the average of the last ones; a slow one is looked at again with every so many batches. */
const SHORT_MS = 1;
const WEIGHT = 0.1;
const PROBE_EVERY = 50;
/** For this part of a wait for the disk, and not longer, the next batch is gathered. */
const GATHER_SHARE = 0.3;
const GATHER_MAX_MS = 2;

/**
 * Appends changes to the newest file of the log. What is changed in one turn of the event loop, or while the disk is busy with what came before, is one batch:
 * one write, and one wait for the disk for all of them.
 */
export class Log {
  readonly records = new RecordWriter();
  /** The batch that is being gathered; every batch up to `settled` may be answered. */
  pending = 1;
  settled = 0;
  /** Why nothing can be written now; null if it can. */
  unwritable: string | null = null;
  readonly #options: LogOptions;
  #number: number;
  #file: LogFile;
  #scheduled = false;
  #writing = false;
  /** What a write takes until it is on disk, in ms. */
  #writeMs = 0;
  #gatherUntil = 0;
  #dirty = false;
  /** What could not be written, and is tried again. */
  #stuck: Buffer | null = null;
  #whenIdle: (() => void)[] = [];
  readonly #ticking: NodeJS.Timeout | null;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#number = options.number;
    this.#file = this.#create(options.number);
    this.#ticking = options.policy === "everysec" ? setInterval(this.#syncSoon.bind(this), SYNC_MS) : null;
    this.#ticking?.unref();
  }

  get number(): number {
    return this.#number;
  }

  get path(): string {
    return this.#file.path;
  }

  /** The bytes of the present file. */
  get bytes(): number {
    return this.#file.bytes;
  }

  /** Call after every change: it is written at the end of this turn, or when the disk has finished with what came before. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#onTurn);
  }

  /**
   * Clients that were answered just now will ask again at once: waiting a moment for them makes one batch of them and of those who came meanwhile, instead of two
   * that take turns at a slow disk.
   */
  readonly #onTurn = (): void => {
    if (performance.now() < this.#gatherUntil) {
      setImmediate(this.#onTurn);
      return;
    }
    this.#scheduled = false;
    this.#commit();
  };

  /** Everything that has been changed by now is safe, and nothing is under way. */
  async flush(): Promise<void> {
    while (this.records.length > 0 || this.#isBusy) {
      this.#commit();
      if (this.records.length > 0 || this.#isBusy) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    }
    if (!this.#dirty) return;
    this.#dirty = false;
    this.#file.sync();
  }

  /** Begins a new file: everything before it stands in files up to the number before. @throws the system's error where none can be made: the present one goes on */
  async rotate(): Promise<number> {
    await this.flush();
    const before = this.#file;
    const number = this.#options.files.present().highest + 1;
    this.#file = this.#create(number);
    this.#number = number;
    before.close();
    return number;
  }

  async close(): Promise<void> {
    if (this.#ticking !== null) clearInterval(this.#ticking);
    await this.flush();
    this.#file.close();
  }

  #create(number: number): LogFile {
    const { files, policy } = this.#options;
    const file = new LogFile(files.log(number), policy === "always");
    try {
      files.sync();
    } catch (error) {
      file.discard();
      throw error;
    }
    return file;
  }

  get #isBusy(): boolean {
    return this.#writing || this.#stuck !== null;
  }

  #commit(): void {
    if (this.#isBusy || this.records.length === 0) return;
    const frame = this.records.take();
    this.pending += 1;
    this.#file.seal(frame);
    this.#write(frame);
  }

  /** Where the disk is quick, waiting for it costs less than another thread; where it is slow, commands go on meanwhile, and become the next batch. */
  #write(frame: Buffer): void {
    if (this.#options.policy === "everysec" || this.#isQuick || this.#file.frames % PROBE_EVERY === 0) this.#writeHere(frame);
    else this.#writeAside(frame);
  }

  get #isQuick(): boolean {
    return this.#writeMs < SHORT_MS;
  }

  #writeHere(frame: Buffer): void {
    const begun = performance.now();
    try {
      this.#file.append(frame);
    } catch (error) {
      this.#failed(frame, error as NodeJS.ErrnoException);
      return;
    }
    const ms = performance.now() - begun;
    // One quick write shows that a disk is quick again; one slow write does not show that it is slow.
    this.#writeMs = ms < SHORT_MS && !this.#isQuick ? ms : this.#writeMs + (ms - this.#writeMs) * WEIGHT;
    this.#written();
  }

  #writeAside(frame: Buffer): void {
    this.#writing = true;
    const begun = performance.now();
    this.#file.appendAside(frame, (error) => {
      this.#writing = false;
      if (error === null) {
        this.#gatherUntil = performance.now() + Math.min(GATHER_MAX_MS, (performance.now() - begun) * GATHER_SHARE);
        this.#written();
      } else this.#failed(frame, error);
    });
  }

  #written(): void {
    if (this.unwritable !== null) this.#options.log.info("the log can be written again", { path: this.path });
    this.unwritable = null;
    this.#dirty = this.#options.policy === "everysec";
    this.settled = this.pending - 1;
    this.#options.events.onSettled(this.settled);
    if (this.records.length > 0) this.schedule();
    if (!this.#isBusy) for (const waiter of this.#whenIdle.splice(0)) waiter();
  }

  /** Where there is no room it is tried again until there is. Any other error of a disk leaves open what stands on it. */
  #failed(frame: Buffer, error: NodeJS.ErrnoException): void {
    const { events, log, policy } = this.#options;
    if (policy === "always" && !isLackOfRoom(error)) {
      events.onBroken(error.message);
      return;
    }
    if (this.unwritable === null)
      log.error("the log cannot be written; it is tried again", { path: this.path, why: error.message });
    this.unwritable = error.message;
    this.#stuck = frame;
    this.#file.cut();
    setTimeout(this.#retry.bind(this), RETRY_MS);
  }

  #retry(): void {
    const frame = this.#stuck;
    this.#stuck = null;
    if (frame !== null) this.#write(frame);
  }

  #syncSoon(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    this.#file.syncAside((error) => {
      this.#options.events.onBroken(error.message);
    });
  }
}
