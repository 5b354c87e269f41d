import { HitlessError } from "../src/base/error.ts";
import type { Rng } from "../src/base/rng.ts";
import type { SimClock } from "./clock.ts";

/** How often, of a hundred calls, a reply comes late or not at all although the call has had its effect. */
export interface ReplyFaults {
  readonly lateShare: number;
  readonly lostShare: number;
}

const LATE_MAX_MS = 3_000;

/** Wraps a port: what was asked is done, but the word of it comes late, or (where `lost` may be) the line breaks before it comes. */
export function withReplyFaults<T extends object>(
  port: T,
  faults: ReplyFaults,
  { clock, rng, exempt }: { clock: SimClock; rng: Rng; exempt: readonly string[] },
): T {
  if (faults.lateShare === 0 && faults.lostShare === 0) return port;
  return new Proxy(port, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      const method = value.bind(target) as (...parameters: unknown[]) => unknown;
      if (exempt.includes(String(name))) return method;
      return async (...parameters: unknown[]): Promise<unknown> => {
        const late = rng.chance(faults.lateShare) ? rng.between(1, LATE_MAX_MS) : 0;
        const lost = rng.chance(faults.lostShare);
        const reply = await method(...parameters);
        if (late > 0) await clock.pass(late);
        if (lost) throw new HitlessError({ code: "ERR_PROXY_UNREACHABLE", what: "The reply was lost." });
        return reply;
      };
    },
  });
}
