import type { Held } from "./in-flight.ts";

/** How much may wait. */
export interface LineBounds {
  readonly requests: number;
  /** Of what has been read of them: heads, and bodies as far as they have come. */
  readonly bytes: number;
}

/** Those that were let go and are not answered yet may be so many for each target, so that the end of a wait is no stampede. */
const UNDER_WAY_PER_TARGET = 32;

/**
 * The requests of one app that wait in this worker, first come, first served. When targets can take requests again, they are let go a few
 * at a time: each that has been answered makes room for the next, and so does every tick, for the sake of those whose answer takes long.
 */
export class WaitingLine {
  readonly #waiting = new Map<Held, number>();
  readonly #underWay = new Set<Held>();
  #bytes = 0;
  #moves = false;
  /** Somebody came back whose turn was before that of others. */
  #unsorted = false;
  #lastSince = 0;

  get size(): number {
    return this.#waiting.size;
  }

  /** Those that wait are being let go: who comes now goes behind them. */
  get moves(): boolean {
    return this.#moves && this.#waiting.size > 0;
  }

  /** False when there is no room. */
  join(held: Held, { requests, bytes }: LineBounds): boolean {
    this.#underWay.delete(held);
    const size = held.waitingBytes;
    if (this.#waiting.size >= requests || this.#bytes + size > bytes) return false;
    this.#waiting.set(held, size);
    this.#bytes += size;
    if (held.since < this.#lastSince) this.#unsorted = true;
    else this.#lastSince = held.since;
    return true;
  }

  /** More of it has been read; false when no more may be. */
  grown(held: Held, bounds: LineBounds): boolean {
    const before = this.#waiting.get(held);
    if (before === undefined) return true;
    const size = held.waitingBytes;
    this.#waiting.set(held, size);
    this.#bytes += size - before;
    return this.#bytes <= bounds.bytes;
  }

  /** It has found a target. */
  letGo(held: Held): void {
    this.#remove(held);
    this.#underWay.add(held);
  }

  /** It has ended, whether it was waiting, let go, or neither; true if that made room for another. */
  leave(held: Held): boolean {
    if (this.#waiting.size > 0) this.#remove(held);
    return this.#underWay.size > 0 && this.#underWay.delete(held);
  }

  /** Lets the oldest go that find a target, within bounds. */
  advance(targets: number): void {
    if (this.#unsorted) this.#sort();
    this.#moves = false;
    if (targets === 0) return;
    const room = UNDER_WAY_PER_TARGET * targets;
    const blocked = new Set<object>();
    for (const held of this.#waiting.keys()) {
      if (this.#underWay.size >= room) {
        this.#moves = true;
        return;
      }
      if (!blocked.has(held.route) && !held.resume()) blocked.add(held.route);
    }
  }

  /** A tick has passed: those under way for longer do not keep the others. */
  tick(now: number, bounds: LineBounds): void {
    this.#underWay.clear();
    for (const held of [...this.#waiting.keys()]) held.checkHold(now);
    for (const held of this.#waiting.keys()) this.grown(held, bounds);
    for (const held of [...this.#waiting.keys()].reverse()) if (this.#bytes > bounds.bytes) held.giveUpHold();
  }

  all(): readonly Held[] {
    return [...this.#waiting.keys()];
  }

  #sort(): void {
    this.#unsorted = false;
    const sorted = [...this.#waiting].sort(([a], [b]) => a.since - b.since);
    this.#waiting.clear();
    for (const [held, size] of sorted) this.#waiting.set(held, size);
  }

  #remove(held: Held): void {
    const size = this.#waiting.get(held);
    if (size === undefined) return;
    this.#waiting.delete(held);
    this.#bytes -= size;
  }
}
