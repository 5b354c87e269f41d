import { depart } from "./departures.ts";
import { note, patch, running, setTimer, type Draft } from "./draft.ts";
import { all, seconds } from "./instances.ts";
import type { AppState, Deployment, Instance, Retirement, Standby } from "./state.ts";

const TIMER_PREFIX = "standby/";

/** Where an instance stands, as seen from one generation. */
export function sideOf({ standby }: AppState, { generation }: Instance, own: number): Retirement["side"] {
  if (generation === own) return "same";
  return generation === standby?.generation ? "standby" : "others";
}

/** What is on standby once this deployment has been promoted: the side that was active, if the plan keeps it. */
export function nextStandby(draft: Draft, deployment: Deployment): Standby | undefined {
  const { state, at } = draft;
  const { standbyMs = 0, fromGeneration, to } = deployment;
  if (to === state.active) return state.standby;
  const isKept = standbyMs > 0 && !state.suspended;
  const some = all(state).some(({ generation, routed }) => generation === fromGeneration && routed);
  return isKept && some && state.active !== null
    ? { release: state.active, generation: fromGeneration, until: at + standbyMs }
    : undefined;
}

/** The new side is the stable one now: what is neither that nor on standby goes, an earlier standby with it. */
export function changeStandby(draft: Draft, standby: Standby | undefined): void {
  const isNew = standby !== draft.state.standby;
  if (isNew) patch(draft, { standby });
  const { generation } = draft.state;
  depart(
    draft,
    all(draft.state).flatMap((one) => (sideOf(draft.state, one, generation) === "others" ? [one.name] : [])),
  );
  if (standby === undefined || !isNew) return;
  setTimer(draft, timerOf(standby), standby.until);
  note(
    draft,
    `${standby.release} is on standby for ${seconds(standby.until - draft.at)}: \`hitless rollback\` goes back at once`,
  );
}

export function isStandbyTimer(timer: string): boolean {
  return timer.startsWith(TIMER_PREFIX);
}

/** The window is over. What a deployment is going back to is left alone until that has ended. */
export function whenStandbyOver(draft: Draft, timer: string): void {
  const { standby } = draft.state;
  if (standby === undefined || timer !== timerOf(standby)) return;
  patch(draft, { standby: { ...standby, until: Math.min(standby.until, draft.at) } });
  endStandbyWhenOver(draft);
}

export function endStandbyWhenOver(draft: Draft): void {
  const { standby } = draft.state;
  if (standby === undefined || draft.at < standby.until || running(draft.state)?.to === standby.release) return;
  note(draft, `the window of ${standby.release} is over: its instances are stopped`);
  endStandby(draft);
}

/** Its instances go now. */
export function endStandby(draft: Draft): void {
  const { standby } = draft.state;
  if (standby === undefined) return;
  patch(draft, { standby: undefined });
  depart(
    draft,
    all(draft.state).flatMap(({ name, generation }) => (generation === standby.generation ? [name] : [])),
  );
}

/** A standby of which nothing is left is none. */
export function trimStandby(draft: Draft): void {
  const { standby } = draft.state;
  if (standby === undefined || all(draft.state).some(({ generation }) => generation === standby.generation)) return;
  note(draft, `nothing of ${standby.release} is left on standby`, "bad");
  patch(draft, { standby: undefined });
}

function timerOf({ generation, until }: Standby): string {
  return `${TIMER_PREFIX}${String(generation)}/${String(until)}`;
}
