import type { DatabaseLease } from "../../../../src/ports/database.ts";

const STEPS = ["step", "alone", "batch", "compare"] as const;
/** So few keys that a backfill of a small table has many batches. */
const BATCH = 4;

/** The lease with a turn of somebody else before each of its steps: never at the same time, so that everything can be repeated. */
export function interleaved(lease: DatabaseLease, turn: () => Promise<void>): DatabaseLease {
  return new Proxy(lease, {
    get(target, name: keyof DatabaseLease) {
      const method = target[name].bind(target) as (request: object) => Promise<unknown>;
      if (!STEPS.some((step) => step === name)) return method;
      return async (request: object) => {
        await turn();
        return method("size" in request && typeof request.size === "number" ? { ...request, size: BATCH } : request);
      };
    },
  });
}
