import type { SlowRequest } from "../../core/ledger.ts";

const KEPT = 20;
const SLICE_MS = 10_000;
const SLICES_KEPT = 120;

/** The slowest requests of the last twenty minutes, so that they can be asked for from any moment on. */
export class Slowest {
  /** By the number of their slice, oldest first. */
  readonly #slices = new Map<number, readonly SlowRequest[]>();

  add(requests: readonly SlowRequest[]): void {
    for (const request of requests) {
      const slice = Math.floor(request.at / SLICE_MS);
      this.#slices.set(slice, slowestOf([...(this.#slices.get(slice) ?? []), request]));
    }
    for (const slice of this.#slices.keys()) {
      if (this.#slices.size <= SLICES_KEPT) break;
      this.#slices.delete(slice);
    }
  }

  /** Everything kept, for `add` of another one. */
  all(): readonly SlowRequest[] {
    return [...this.#slices.values()].flat();
  }

  /** Slowest first, at most 20. */
  since(at: number): readonly SlowRequest[] {
    return slowestOf([...this.#slices.values()].flat().filter((request) => request.at >= at));
  }
}

function slowestOf(requests: readonly SlowRequest[]): readonly SlowRequest[] {
  return requests.toSorted((a, b) => b.ms - a.ms).slice(0, KEPT);
}
