import type { ReleaseName } from "../base/names.ts";
import type { Batch } from "./app-spec.ts";
import { all, countsAfter, desiredCount, isLive, processTypes } from "./instances.ts";
import { sideOf } from "./standby.ts";
import type { AppState, Instance, Retirement, Stage } from "./state.ts";

/**
 * Batch by batch: as many new instances as the batch says (the last batch takes the rest), then the same share of the old ones goes.
 * All process types move in step.
 */
export function planRolling(state: AppState, to: ReleaseName, generation: number, batch: Batch): readonly Stage[] {
  const moves = processTypes(state, to).map((type) => planType(state, to, type, batch));
  const stages = Math.max(1, ...moves.map((move) => Math.ceil(move.wanted / move.size)));
  return Array.from({ length: stages }, (_, index) => ({
    release: to,
    generation,
    start: Object.fromEntries(moves.map((move) => [move.type, started(move, index + 1) - started(move, index)])),
    retire: index === stages - 1 ? [EVERYTHING_ELSE] : moves.map((move) => retirement(move, index)),
  }));
}

/** More or fewer instances of the stable side. What a failed way back has left of another side goes with it. */
export function planScale(state: AppState, release: ReleaseName, counts: Readonly<Record<string, number>>): readonly Stage[] {
  const live = liveCounts(stableSide(state));
  const start: Record<string, number> = {};
  const retire: Retirement[] = [];
  for (const [type, count] of Object.entries(counts)) {
    const difference = count - (live.get(type) ?? 0);
    if (difference > 0) start[type] = difference;
    if (difference < 0) retire.push({ type, keep: count, side: "same" });
  }
  return [{ release, generation: state.generation, start, retire: hasLeftovers(state) ? [...retire, EVERYTHING_ELSE] : retire }];
}

/** Back to the stable side at full size, and everything else away. */
export function planBack(state: AppState): readonly Stage[] {
  const release = state.active;
  if (release === null || state.suspended) return [retireAll(state)];
  const [stage] = planScale(state, release, wantedCounts(state, release));
  // A release that goes back to standby leaves its other processes behind: they would do work of their own there.
  const others = state.standby === undefined ? [] : typesWithout(state, state.standby.release);
  return stage === undefined ? [] : [{ ...stage, retire: [...stage.retire, ...retireTypes(others, "standby")] }];
}

/** How many instances of each type the release should run. */
export function wantedCounts(state: AppState, release: ReleaseName): Readonly<Record<string, number>> {
  return Object.fromEntries(processTypes(state, release).map((type) => [type, desiredCount(state, release, type)]));
}

/** Process types of the release that get no requests. */
export function typesWithout(state: AppState, release: ReleaseName | null): readonly string[] {
  const processes = release === null ? undefined : state.releases[release]?.spec.processes;
  return Object.entries(processes ?? {}).flatMap(([type, { traffic }]) => (traffic ? [] : [type]));
}

export function retireTypes(types: readonly string[], side: Retirement["side"]): readonly Retirement[] {
  return types.map((type) => ({ type, keep: 0, side }));
}

/** True if there are instances of another side than the stable one. */
export function hasLeftovers(state: AppState): boolean {
  return all(state).some((instance) => sideOf(state, instance, state.generation) === "others");
}

/** Everything away: for `suspend`, and for a first deployment that failed. */
export function retireAll(state: AppState): Stage {
  return {
    release: null,
    generation: state.generation,
    start: {},
    retire: [EVERYTHING_ELSE, { type: "*", keep: 0, side: "same" }],
  };
}

/** The number of instances in a batch: percentages are rounded up, and a batch is never empty. */
export function batchSize(batch: Batch, instances: number): number {
  return Math.max(1, batch.kind === "count" ? batch.count : Math.ceil((instances * batch.percent) / 100));
}

export const EVERYTHING_ELSE: Retirement = { type: "*", keep: 0, side: "others" };

interface Move {
  readonly type: string;
  readonly wanted: number;
  readonly old: number;
  readonly size: number;
}

function planType(state: AppState, to: ReleaseName, type: string, batch: Batch): Move {
  const wanted = desiredCount({ ...state, counts: countsAfter(state, to) }, to, type);
  const replaced = all(state).filter(({ generation }) => generation !== state.standby?.generation);
  return { type, wanted, old: liveCounts(replaced).get(type) ?? 0, size: batchSize(batch, wanted) };
}

/** How many new instances of the type there are after so many stages. */
function started(move: Move, stages: number): number {
  return Math.min(move.wanted, stages * move.size);
}

/** Old instances go in the proportion in which new ones have come, rounded down: never more than were replaced. */
function retirement(move: Move, index: number): Retirement {
  const gone = move.wanted === 0 ? 0 : Math.floor((move.old * started(move, index + 1)) / move.wanted);
  return { type: move.type, keep: move.old - gone, side: "others" };
}

export function liveCounts(instances: readonly Instance[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { type } of instances.filter(isLive)) counts.set(type, (counts.get(type) ?? 0) + 1);
  return counts;
}

function stableSide(state: AppState): readonly Instance[] {
  return all(state).filter(({ generation }) => generation === state.generation);
}
