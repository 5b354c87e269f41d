import type { ReleaseName } from "../base/names.ts";
import type { CanaryStep } from "./app-spec.ts";
import { countsAfter } from "./instances.ts";
import { typesWithout, wantedCounts } from "./plan.ts";
import { only, retirement, stoppedFirst, without } from "./plan-blue-green.ts";
import type { AppState, Stage } from "./state.ts";

interface Canary {
  readonly release: ReleaseName;
  readonly generation: number;
  readonly steps: readonly CanaryStep[];
  /** The old side stays. */
  readonly keepsOld: boolean;
}

/**
 * Step by step a larger part of the requests goes to the new side, which has as many instances as that part is worth, one at least; the old side
 * stays whole until all of them go to the new one.
 */
export function planCanary(state: AppState, { release, generation, steps, keepsOld }: Canary): readonly Stage[] {
  const side = { release, generation };
  const wanted = wantedCounts({ ...state, counts: countsAfter(state, release) }, release);
  const others = typesWithout(state, release);
  const served = without(wanted, others);
  const upTo = steps.map(({ weight }) => sized(served, weight));
  const started = (index: number): Counts => minus(upTo[index] ?? served, index === 0 ? {} : (upTo[index - 1] ?? {}));
  return [
    ...steps.map(({ weight, waitMs }, index): Stage => {
      return { ...side, start: started(index), share: weight, ...(waitMs === 0 ? {} : { wait: { ms: waitMs } }), retire: [] };
    }),
    ...stoppedFirst(state, side),
    {
      ...side,
      start: { ...started(steps.length), ...only(wanted, others) },
      share: 100,
      retire: retirement(state, keepsOld),
    },
  ];
}

type Counts = Readonly<Record<string, number>>;

function sized(counts: Counts, percent: number): Counts {
  return map(counts, (count) => Math.min(count, Math.max(1, Math.ceil((count * percent) / 100))));
}

function minus(counts: Counts, less: Counts): Counts {
  return map(counts, (count, type) => Math.max(0, count - (less[type] ?? 0)));
}

function map(counts: Counts, of: (count: number, type: string) => number): Counts {
  return Object.fromEntries(Object.entries(counts).map(([type, count]) => [type, of(count, type)]));
}
