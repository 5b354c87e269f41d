import type { ReleaseName } from "../base/names.ts";
import type { RolloutSpec } from "./app-spec.ts";
import { boundedMoves, countOf, evenMoves, type BatchMove } from "./plan-batches.ts";
import { all, countsAfter, desiredCount, isLive, processTypes } from "./instances.ts";
import { sideOf } from "./standby.ts";
import type { AppState, Instance, Retirement, Stage } from "./state.ts";

/**
 * Batch by batch: new instances, then old ones away for them, within the bounds of the release. All process types move in step; one that is to
 * be stopped first has fewer instances meanwhile.
 */
export function planRolling(state: AppState, to: ReleaseName, generation: number, rollout: RolloutSpec): readonly Stage[] {
  const moves = processTypes(state, to).map((type) => ({ type, batches: movesOf(state, to, type, rollout) }));
  const stages = Math.max(1, ...moves.map(({ batches }) => batches.length));
  return Array.from({ length: stages }, (_, index) => ({
    release: to,
    generation,
    start: Object.fromEntries(moves.map(({ type, batches }) => [type, batches[index]?.start ?? 0])),
    ...pauseAfter(rollout, index, stages),
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

export const EVERYTHING_ELSE: Retirement = { type: "*", keep: 0, side: "others" };

interface Move {
  readonly type: string;
  readonly batches: readonly BatchMove[];
}

function movesOf(state: AppState, to: ReleaseName, type: string, rollout: RolloutSpec): readonly BatchMove[] {
  const wanted = desiredCount({ ...state, counts: countsAfter(state, to) }, to, type);
  const replaced = all(state).filter(({ generation }) => generation !== state.standby?.generation);
  const old = liveCounts(replaced).get(type) ?? 0;
  const due = state.active === null ? 0 : desiredCount(state, state.active, type);
  const size = Math.max(1, countOf(rollout.batch, wanted));
  const isStoppedFirst = state.releases[to]?.spec.processes[type]?.stopFirst === true;
  const { surge, maxUnavailable } = rollout;
  if (isStoppedFirst) return boundedMoves({ wanted, old, due, size, surge: 0, unavailable: size });
  const bounds = {
    surge: surge === undefined ? size : countOf(surge, wanted),
    unavailable: maxUnavailable === undefined ? 0 : countOf(maxUnavailable, wanted),
  };
  return surge === undefined && bounds.unavailable === 0
    ? evenMoves({ wanted, old, due, size, ...bounds })
    : boundedMoves({ wanted, old, due, size, ...bounds });
}

function retirement({ type, batches }: Move, index: number): Retirement {
  return { type, keep: (batches[index] ?? batches.at(-1))?.keep ?? 0, side: "others" };
}

/** Between batches, and for longer after the first one if that is asked for. */
function pauseAfter({ pauseMs = 0, firstPauseMs = pauseMs }: RolloutSpec, index: number, stages: number): Pick<Stage, "wait"> {
  const ms = index === 0 ? firstPauseMs : pauseMs;
  return index === stages - 1 || ms === 0 ? {} : { wait: { ms } };
}

export function liveCounts(instances: readonly Instance[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { type } of instances.filter(isLive)) counts.set(type, (counts.get(type) ?? 0) + 1);
  return counts;
}

function stableSide(state: AppState): readonly Instance[] {
  return all(state).filter(({ generation }) => generation === state.generation);
}
