import { note, patch, patchInstance, running, setTimer, type Draft } from "./draft.ts";
import { all, desiredCount, find, isLive, processTypes, startInstance } from "./instances.ts";
import { isReplaced, replaceSick } from "./liveness.ts";
import { hasTraffic } from "./route-tables.ts";
import type { AppState, CrashRecord, Deployment } from "./state.ts";

/** An instance that lived this long has not crashed in a loop. */
const CRASH_WINDOW_MS = 60_000;
const BACKOFF_FIRST_MS = 250;
const BACKOFF_MAX_MS = 30_000;
/** From so many crashes in a row on, people are told that it is a loop. */
export const CRASH_LOOP_FROM = 4;

const TIMER_PREFIX = "restart/";

/** Outside of deployments: keeps the active release at its size, the first restart at once, further ones with back-off. */
export function supervise(draft: Draft): void {
  const { state } = draft;
  const deployment = running(state);
  if (state.active === null || state.suspended || (deployment !== null && !isLookedAfter(deployment))) return;
  for (const { name } of all(state)) superviseReady(draft, name);
  for (const type of processTypes(state, state.active)) {
    fillUp(draft, state.active, type);
    replaceSick(draft, { type, wanted: desiredCount(state, state.active, type), mayStart: () => mayStart(draft, type) });
  }
}

/**
 * While a release is being made, and where requests are shared out by weight, the stable side stays whole; so it is looked after as outside of
 * deployments.
 */
function isLookedAfter(deployment: Deployment): boolean {
  const { direction, kind, step, stages, share, retiring } = deployment;
  if (direction === "back") return isRetiringBack(deployment);
  if (step === "preparing") return kind === "deploy";
  const isWeighted = share !== undefined || stages.some((stage) => stage.share !== undefined);
  return isWeighted && retiring.length === 0 && step !== "closing";
}

/** On the way back the stable side is whole when the other one begins to go: from there on it is looked after as outside of deployments. */
export function isRetiringBack({ direction, step }: Deployment): boolean {
  return direction === "back" && (step === "removing" || step === "draining" || step === "stopping");
}

/** A supervised instance is ready: it gets requests. */
export function superviseReady(draft: Draft, name: string): void {
  const instance = find(draft.state, name);
  // A late word of readiness about an instance that is being stopped must not bring it back into the routes.
  if (instance?.status !== "serving" || instance.generation !== draft.state.generation) return;
  if (hasTraffic(draft.state, instance)) patchInstance(draft, name, { routed: true });
}

/** Counts a crash of the stable side and decides when the next start is due. */
export function recordCrash(draft: Draft, crash: { type: string; since: number; how: string }): void {
  const last = draft.state.crashes[crash.type];
  const looping = draft.at - crash.since < CRASH_WINDOW_MS;
  const count = looping ? (last?.count ?? 0) + 1 : 1;
  const record: CrashRecord = { count, at: draft.at, how: crash.how, restartAt: last?.restartAt ?? null };
  patch(draft, { crashes: { ...draft.state.crashes, [crash.type]: record } });
  if (count === CRASH_LOOP_FROM)
    note(draft, `${crash.type} crashes again and again (it ${crash.how}); restarts are spaced out`, "bad");
}

export function whenTimerFired(draft: Draft, timer: string): void {
  if (!timer.startsWith(TIMER_PREFIX)) return;
  const type = timer.slice(TIMER_PREFIX.length);
  const record = draft.state.crashes[type];
  if (record?.restartAt === null || record === undefined) return;
  patch(draft, { crashes: { ...draft.state.crashes, [type]: { ...record, restartAt: null, at: 0 } } });
  supervise(draft);
}

function fillUp(draft: Draft, release: string, type: string): void {
  const missing = desiredCount(draft.state, release, type) - liveCount(draft.state, type);
  if (missing <= 0 || !mayStart(draft, type)) return;
  for (let index = 0; index < missing; index += 1) {
    const name = startInstance(draft, { type, release, generation: draft.state.generation });
    note(draft, `starting ${name} to keep ${type} at its size`);
  }
}

/** False while a start has to wait after crashes; it is taken up again then. */
function mayStart(draft: Draft, type: string): boolean {
  const crash = draft.state.crashes[type];
  const wait = crash === undefined || crash.at === 0 ? 0 : backoff(crash.count);
  if (wait === 0 || crash === undefined) return true;
  // A crash of the future was written down before the clock was set back.
  waitFor(draft, type, crash, Math.min(crash.at, draft.at) + wait);
  return false;
}

function waitFor(draft: Draft, type: string, crash: CrashRecord, at: number): void {
  if (crash.restartAt !== null) return;
  patch(draft, { crashes: { ...draft.state.crashes, [type]: { ...crash, restartAt: at } } });
  setTimer(draft, `${TIMER_PREFIX}${type}`, at);
}

/** Nothing for the first crash, then 250 ms, doubling up to 30 s. */
function backoff(count: number): number {
  return count <= 1 ? 0 : Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (count - 2));
}

function liveCount(state: AppState, type: string): number {
  return all(state).filter((instance) => {
    return instance.type === type && instance.generation === state.generation && isLive(instance) && !isReplaced(state, instance);
  }).length;
}
