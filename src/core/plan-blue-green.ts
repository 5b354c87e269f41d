import type { ReleaseName } from "../base/names.ts";
import { all, countsAfter } from "./instances.ts";
import { EVERYTHING_ELSE, liveCounts, retireTypes, typesWithout, wantedCounts } from "./plan.ts";
import type { AppState, Retirement, Stage, Standby, Wait } from "./state.ts";

interface BlueGreen {
  readonly release: ReleaseName;
  readonly generation: number;
  /** What is waited for before the cutover. */
  readonly wait?: Wait | undefined;
  /** The old side stays. */
  readonly keepsOld: boolean;
}

/**
 * The new side is brought up whole beside the old one, where previews reach it; then all requests go to it in one table. What gets no requests
 * (workers) starts only then, and is replaced then.
 */
export function planBlueGreen(state: AppState, { release, generation, wait, keepsOld }: BlueGreen): readonly Stage[] {
  const side = { release, generation };
  const wanted = wantedCounts({ ...state, counts: countsAfter(state, release) }, release);
  const others = typesWithout(state, release);
  return [
    { ...side, start: without(wanted, others), share: 0, wait, retire: [] },
    ...stoppedFirst(state, side),
    { ...side, start: only(wanted, others), share: 100, retire: retirement(state, keepsOld) },
  ];
}

/**
 * Back to what is on standby. What of it is missing is started after the cutover, or before it where less than half is left: then the rest
 * could hardly serve.
 */
export function planReturn(state: AppState, { release, generation }: Standby): readonly Stage[] {
  const side = { release, generation };
  const wanted = wantedCounts({ ...state, counts: countsAfter(state, release) }, release);
  const others = typesWithout(state, release);
  const live = liveCounts(all(state).filter((instance) => instance.generation === generation));
  const missing = Object.fromEntries(
    Object.entries(wanted).map(([type, count]) => [type, Math.max(0, count - (live.get(type) ?? 0))]),
  );
  const served = without(wanted, others);
  const first = Object.entries(served).some(([type, count]) => (live.get(type) ?? 0) < count / 2);
  const rest = without(missing, others);
  return [
    { ...side, start: first ? rest : {}, share: 100, retire: [] },
    ...stoppedFirst(state, side),
    { ...side, start: { ...(first ? {} : rest), ...only(missing, others) }, retire: retirement(state, true) },
  ];
}

/** What must not run twice is stopped before its successor is started. */
export function stoppedFirst(state: AppState, side: Pick<Stage, "release" | "generation">): readonly Stage[] {
  const processes = state.releases[side.release ?? ""]?.spec.processes ?? {};
  const types = typesWithout(state, side.release).filter((type) => processes[type]?.stopFirst === true);
  return types.length === 0 ? [] : [{ ...side, start: {}, retire: retireTypes(types, "others") }];
}

/** What stays behind for going back is what serves requests; the rest would do work of its own. */
export function retirement(state: AppState, keepsOld: boolean): readonly Retirement[] {
  return keepsOld ? retireTypes(typesWithout(state, state.active), "others") : [EVERYTHING_ELSE];
}

type Counts = Readonly<Record<string, number>>;

export function only(counts: Counts, types: readonly string[]): Counts {
  return Object.fromEntries(Object.entries(counts).filter(([type]) => types.includes(type)));
}

export function without(counts: Counts, types: readonly string[]): Counts {
  return Object.fromEntries(Object.entries(counts).filter(([type]) => !types.includes(type)));
}
