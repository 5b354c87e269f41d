import { closeSync, fdatasync, fdatasyncSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { randomInt } from "node:crypto";
import type { Logger } from "../../base/log.ts";
import { fileHead, sealFrame } from "./frames.ts";
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
/** A disk is quick if it takes less than this on the average of the last ones; a slow one is looked at again with every so many batches. */
const SHORT_MS = 0.6;
const WEIGHT = 0.1;
/** For this part of a wait for the disk, and not longer, the next batch is gathered. */
const GATHER_SHARE = 0.3;
const GATHER_MAX_MS = 2;
const PROBE_EVERY = 200;
const SALT_END = 2 ** 32;

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
  /** The bytes of the present file. */
  bytes = 0;
  readonly #options: LogOptions;
  #number: number;
  #fd: number;
  #salt: number;
  #frames = 0;
  #scheduled = false;
  #syncing = false;
  /** What a wait for the disk takes, in ms. */
  #syncMs = 0;
  #gatherUntil = 0;
  #dirty = false;
  #stuck: Buffer | null = null;
  #whenIdle: (() => void)[] = [];
  readonly #ticking: NodeJS.Timeout | null;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#number = options.number;
    this.#salt = randomInt(SALT_END);
    this.#fd = this.#create(this.#number);
    this.#ticking = options.policy === "everysec" ? setInterval(this.#syncSoon.bind(this), SYNC_MS) : null;
    this.#ticking?.unref();
  }

  get number(): number {
    return this.#number;
  }

  get path(): string {
    return this.#options.files.log(this.#number);
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
    while (this.records.length > 0 || this.#stuck !== null || this.#syncing) {
      if (!this.#syncing && this.#stuck === null) this.#commit();
      if (this.records.length > 0 || this.#stuck !== null || this.#syncing)
        await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    }
    if (this.#dirty) this.#syncNow();
  }

  /** Begins a new file: everything before it stands in files up to the number before. */
  async rotate(): Promise<number> {
    await this.flush();
    closeSync(this.#fd);
    this.#number = this.#options.files.present().highest + 1;
    this.#salt = randomInt(SALT_END);
    this.#frames = 0;
    this.#fd = this.#create(this.#number);
    return this.#number;
  }

  async close(): Promise<void> {
    if (this.#ticking !== null) clearInterval(this.#ticking);
    await this.flush();
    closeSync(this.#fd);
  }

  #create(number: number): number {
    const { files } = this.#options;
    const fd = openSync(files.log(number), "ax", 0o600);
    const head = fileHead(this.#salt);
    writeSync(fd, head);
    fdatasyncSync(fd);
    files.sync();
    this.bytes = head.length;
    return fd;
  }

  #commit(): void {
    if (this.#syncing || this.#stuck !== null || this.records.length === 0) return;
    this.#frames += 1;
    const frame = this.records.take(false);
    sealFrame(frame, this.#frames, this.#salt);
    if (this.#write(frame)) this.#written();
    else this.#stuck = Buffer.from(frame);
  }

  /** A frame is written whole or, as far as readers can see, not at all. */
  #write(frame: Buffer): boolean {
    try {
      for (let at = 0; at < frame.length;) at += writeSync(this.#fd, frame, at);
      this.bytes += frame.length;
      if (this.unwritable !== null) this.#options.log.info("the log can be written again", { path: this.path });
      this.unwritable = null;
      return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (this.unwritable === null)
        this.#options.log.error("the log cannot be written; it is tried again", { path: this.path, why });
      this.unwritable = why;
      ftruncateSync(this.#fd, this.bytes);
      setTimeout(this.#retry.bind(this), RETRY_MS);
      return false;
    }
  }

  #retry(): void {
    const frame = this.#stuck;
    if (frame === null || !this.#write(frame)) return;
    this.#stuck = null;
    this.#written();
  }

  #written(): void {
    const batch = this.pending;
    this.pending += 1;
    if (this.#options.policy === "everysec") {
      this.#dirty = true;
      this.#settle(batch);
      return;
    }
    if (this.#syncMs < SHORT_MS || this.#frames % PROBE_EVERY === 0) this.#syncHere(batch);
    else this.#syncAside(batch);
  }

  /** Where the disk is quick, waiting for it costs less than another thread. */
  #syncHere(batch: number): void {
    const begun = performance.now();
    try {
      fdatasyncSync(this.#fd);
    } catch (error) {
      this.#options.events.onBroken(String(error));
      return;
    }
    this.#syncMs += (performance.now() - begun - this.#syncMs) * WEIGHT;
    this.#settle(batch);
  }

  /** Where it is slow, commands go on meanwhile, and become the next batch. */
  #syncAside(batch: number): void {
    this.#syncing = true;
    const begun = performance.now();
    fdatasync(this.#fd, (error) => {
      this.#syncing = false;
      if (error !== null) {
        this.#options.events.onBroken(error.message);
        return;
      }
      this.#gatherUntil = performance.now() + Math.min(GATHER_MAX_MS, (performance.now() - begun) * GATHER_SHARE);
      this.#settle(batch);
    });
  }

  #settle(batch: number): void {
    this.settled = batch;
    this.#options.events.onSettled(batch);
    if (this.records.length > 0) this.schedule();
    if (!this.#syncing && this.#stuck === null) for (const waiter of this.#whenIdle.splice(0)) waiter();
  }

  #syncSoon(): void {
    if (!this.#dirty || this.#syncing) return;
    this.#dirty = false;
    // The file may change meanwhile: what is closed then was made safe before.
    fdatasync(this.#fd, (error) => {
      if (error !== null && error.code !== "EBADF") this.#options.events.onBroken(error.message);
    });
  }

  #syncNow(): void {
    this.#dirty = false;
    fdatasyncSync(this.#fd);
  }
}
