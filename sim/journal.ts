import { MemoryStore } from "../src/adapters/memory/store.ts";
import type { Rng } from "../src/base/rng.ts";
import type { Deployment } from "../src/core/state.ts";
import type { JournalEntry } from "../src/ports/store.ts";

/** A journal on a disk that is full for a while now and then. */
export class SimJournal extends MemoryStore {
  readonly #rng: Rng;
  readonly #failShare: number;
  #now: () => number = () => 0;
  #fullUntil = 0;
  /** Entries so far. */
  written = 0;

  /** Told of what has been written. */
  onEntry: (entry: JournalEntry) => void = () => undefined;
  onDeployment: (deployment: Deployment) => void = () => undefined;

  constructor(rng: Rng, failShare: number) {
    super();
    this.#rng = rng;
    this.#failShare = failShare;
  }

  /** Milliseconds that only go forward. */
  useClock(now: () => number): void {
    this.#now = now;
  }

  override async append(...parameters: Parameters<MemoryStore["append"]>): Promise<void> {
    this.#write();
    await super.append(...parameters);
    this.written += 1;
    this.onEntry(parameters[1]);
  }

  override async saveSnapshot(...parameters: Parameters<MemoryStore["saveSnapshot"]>): Promise<void> {
    this.#write();
    await super.saveSnapshot(...parameters);
  }

  override async saveDeployment(...parameters: Parameters<MemoryStore["saveDeployment"]>): Promise<void> {
    this.#write();
    await super.saveDeployment(...parameters);
    this.onDeployment(parameters[1]);
  }

  override async renewLease(...parameters: Parameters<MemoryStore["renewLease"]>): ReturnType<MemoryStore["renewLease"]> {
    this.#write();
    return super.renewLease(...parameters);
  }

  #write(): void {
    if (this.#failShare === 0) return;
    const now = this.#now();
    if (this.#rng.chance(this.#failShare)) this.#fullUntil = now + this.#rng.between(1, 8_000);
    if (now < this.#fullUntil) throw new Error("ENOSPC: no space left on device, write");
  }
}
