import { note, order, patch, refuse, setTimer, type Draft } from "./draft.ts";
import type { Event, EventBody } from "./event.ts";
import { DEFAULT_MAINTENANCE, type GatePeriod, type GateState } from "./gate.ts";
import { gateState } from "./gate-state.ts";
import { seconds } from "./instances.ts";
import { refuseWhileSuspended, refuseWithoutActive } from "./refusals.ts";
import { syncRoutes } from "./route-tables.ts";

type Request<K extends EventBody["kind"]> = Extract<Event, { kind: K }>;

const PERIODS_KEPT = 100;
const TIMER_PREFIX = "pause/";

/** Requests wait from now on. Said again, the limit is another one. A deployment may run meanwhile; none of them ends a pause. */
export function whenPauseRequested(draft: Draft, { by, forMs, then }: Request<"pause.requested">): void {
  if (refuseWithoutActive(draft) || refuseWhileSuspended(draft)) return;
  const { at, state } = draft;
  const known = gateState(state).pause;
  const until = at + forMs;
  const { since = at, quietAt = null, asked = false } = known ?? {};
  change(draft, { pause: { by, since, until, then, revision: state.routes.revision + 1, asked, quietAt } });
  setTimer(draft, `${TIMER_PREFIX}${String(until)}`, until);
  note(draft, `${by} pauses ${state.app} for ${seconds(forMs)}, then ${then === "resume" ? "it goes on" : "requests get 503"}`);
  syncRoutes(draft, { force: true });
}

export function whenUnpauseRequested(draft: Draft, { by }: Request<"unpause.requested">): void {
  if (gateState(draft.state).pause === null) refuseOpen(draft, "is not paused");
  else endPause(draft, `${by} resumes ${draft.state.app}`);
}

export function whenMaintenanceRequested(draft: Draft, { by, page }: Request<"maintenance.requested">): void {
  const { state, at } = draft;
  const known = gateState(state).maintenance;
  if (page === null && known === null) {
    refuseOpen(draft, "is not in maintenance");
    return;
  }
  if (page !== null && refuseWithoutActive(draft)) return;
  const defaults = state.releases[state.active ?? ""]?.spec.maintenance ?? DEFAULT_MAINTENANCE;
  const given = Object.fromEntries(Object.entries(page ?? {}).filter(([, value]) => value !== undefined));
  if (page !== null) change(draft, { maintenance: { ...defaults, ...given, by, since: known?.since ?? at } });
  else if (known !== null) end(draft, { kind: "maintenance", by: known.by, since: known.since, until: at });
  note(draft, `${by} turns maintenance of ${state.app} ${page === null ? "off" : "on"}`);
  syncRoutes(draft, { force: true });
}

/** A table is in force: if it brought a pause, the workers are asked when nothing is in flight any more. */
export function askForQuiet(draft: Draft): void {
  const { pause } = gateState(draft.state);
  if (pause === null || pause.asked || draft.state.routes.appliedRevision < pause.revision) return;
  change(draft, { pause: { ...pause, asked: true } });
  order(draft, { kind: "traffic.quiet", app: draft.state.app }, null);
}

export function whenQuiet(draft: Draft, { quiet }: Request<"traffic.quiet">): void {
  const { pause } = gateState(draft.state);
  if (pause === null || pause.quietAt !== null || !quiet) return;
  change(draft, { pause: { ...pause, quietAt: draft.at } });
  note(draft, `nothing is in flight any more after ${seconds(draft.at - pause.since)}`);
}

export function isPauseTimer(timer: string): boolean {
  return timer.startsWith(TIMER_PREFIX);
}

export function whenPauseOver(draft: Draft, timer: string): void {
  const { pause } = gateState(draft.state);
  if (pause === null || timer !== `${TIMER_PREFIX}${String(pause.until)}`) return;
  if (pause.then === "resume") endPause(draft, `the pause of ${draft.state.app} is over`);
  else note(draft, `the pause has reached its limit: requests get 503 until \`hitless resume\``, "bad");
}

function endPause(draft: Draft, text: string): void {
  const { pause } = gateState(draft.state);
  if (pause === null) return;
  end(draft, { kind: "pause", by: pause.by, since: pause.since, until: draft.at });
  note(draft, `${text} after ${seconds(draft.at - pause.since)}`);
  syncRoutes(draft, { force: true });
}

function end(draft: Draft, period: GatePeriod): void {
  const ended = [...gateState(draft.state).ended, period].slice(-PERIODS_KEPT);
  change(draft, { [period.kind]: null, ended });
}

function change(draft: Draft, part: Partial<GateState>): void {
  patch(draft, { gate: { ...gateState(draft.state), ...part } });
}

function refuseOpen(draft: Draft, what: string): void {
  refuse(draft, { code: "ERR_GATE_OPEN", what: `${draft.state.app} ${what}.`, next: "See how it is with `hitless status`." });
}
