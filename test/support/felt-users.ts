import { addHistograms, bucketOf, type HistogramData } from "../../src/base/histogram.ts";
import type { Rng } from "../../src/base/rng.ts";
import { felt, feltFrom, type FeltLatency, type LatencySample } from "../../src/database/backfill/felt-latency.ts";
import { FIRST_PACE, nextPace } from "../../src/database/backfill/pace-law.ts";

/** Users of an app beside a backfill. */
export interface Users {
  /** Requests a second. */
  readonly rate: number;
  /** Half of the requests take less, in ms; one in a hundred takes twice as long or longer. */
  readonly usualMs: number;
  /** What a backfill at full speed does: this share of the requests takes so many ms longer at the most. */
  readonly harm: { readonly share: number; readonly ms: number };
}

/** What happened between two looks. */
export interface Look {
  /** In ms, of each request. */
  readonly took: readonly number[];
  readonly speed: number;
  readonly reason: string | null;
}

const LOOK_MS = 2_000;
const USUAL: LatencySample = { at: 0, boot: "b", latency: [] };

/** Lets the law steer a backfill beside users who may change from one half second to the next; `rise`: what is allowed. */
export function besideUsers(rng: Rng, looks: number, users: (look: number) => Users, rise = 0.1): readonly Look[] {
  let state: FeltLatency = felt(feltFrom(users(0).rate), USUAL, { speed: 0, rise })[0];
  let pace = FIRST_PACE;
  let latency: HistogramData = [];
  return Array.from({ length: looks }, (_, look) => {
    const took = answers(rng, users(look), pace.speed);
    latency = addHistograms(latency, histogramOf(took));
    const [next, reading] = felt(state, { at: (look + 1) * LOOK_MS, boot: "b", latency }, { speed: pace.speed, rise });
    state = next;
    const at = { took, speed: pace.speed, reason: pace.reason };
    pace = nextPace(pace, [reading]);
    return at;
  });
}

export function p99(looks: readonly Look[]): number {
  const took = Float64Array.from(looks.flatMap((look) => look.took)).sort();
  return took[Math.floor(took.length * 0.99)] ?? NaN;
}

export function meanSpeed(looks: readonly Look[]): number {
  return looks.reduce((sum, { speed }) => sum + speed, 0) / looks.length;
}

/** Log-normal, as the times of requests are. */
function answers(rng: Rng, { rate, usualMs, harm }: Users, speed: number): readonly number[] {
  const due = (rate * LOOK_MS) / 1_000;
  const count = Math.floor(due) + (rng.chance(due % 1) ? 1 : 0);
  return Array.from({ length: count }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
    const more = rng.chance(harm.share * speed) ? rng.next() * harm.ms : 0;
    return usualMs * Math.exp(0.298 * normal) + more;
  });
}

function histogramOf(took: readonly number[]): HistogramData {
  const counts = new Map<number, number>();
  for (const ms of took) counts.set(bucketOf(ms * 1_000), (counts.get(bucketOf(ms * 1_000)) ?? 0) + 1);
  return [...counts].toSorted(([one], [other]) => one - other);
}
