import type { Failure } from "../base/error.ts";
import type { Command } from "./command.ts";
import { note, openDraft, patch, patchDeployment, patchInstance, running, type Draft, type NoteDraft } from "./draft.ts";
import { finishUnchanged } from "./ending.ts";
import type { Event, EventBody } from "./event.ts";
import { whenExited, whenFailedToStart } from "./exits.ts";
import {
  askForQuiet,
  isPauseTimer,
  whenMaintenanceRequested,
  whenPauseOver,
  whenPauseRequested,
  whenQuiet,
  whenUnpauseRequested,
} from "./gates.ts";
import { find, whenReady, whenStarted, whenStopped } from "./instances.ts";
import { whenRecovered } from "./recovery.ts";
import { moveDepartures } from "./departures.ts";
import { whenAbortRequested, whenContinueRequested, whenHaltRequested, whenPromoteRequested } from "./operators.ts";
import { syncRoutes } from "./route-tables.ts";
import { ROUTES_TIMER, whenTrafficRefused } from "./refused-routes.ts";
import {
  whenLedgerOpened,
  whenReleaseCreated,
  whenReleaseFailed,
  whenRestartRequested,
  whenResumeRequested,
  whenRollbackRequested,
  whenScaleRequested,
  whenSuspendRequested,
} from "./requests.ts";
import { whenRetryRequested } from "./retrying.ts";
import { askAnew, callQueued, isQueueTimer, whenDeployRequested, whenFreezeSeen, whenQueueClearRequested } from "./queue.ts";
import { isStandbyTimer, whenStandbyOver } from "./standby.ts";
import { whenSick, whenWell } from "./sickness.ts";
import { advance, finishWhenClosed } from "./steps.ts";
import { supervise, superviseReady, whenTimerFired } from "./supervision.ts";
import type { AppState } from "./state.ts";
import { whenTaskEnded } from "./verdicts.ts";
import { isWaitTimer, whenWaitOver } from "./waiting.ts";

export interface Decision {
  readonly state: AppState;
  readonly commands: readonly Command[];
  readonly notes: readonly NoteDraft[];
  /** Set when an operator's request is refused: nothing else has changed then, and nothing is journaled. */
  readonly refusal: Failure | null;
}

/**
 * The heart of Hitless: what follows from an event. Pure: no clock, no chance, no I/O, the same arguments give the same decision.
 * Events that no longer matter (a late reply of something given up) change nothing.
 */
export function decide(state: AppState, event: Event): Decision {
  const draft = openDraft(state, event);
  const handler = HANDLERS[event.kind] as (draft: Draft, event: Event) => void;
  handler(draft, event);
  if (draft.refusal !== null) return { state, commands: [], notes: [], refusal: draft.refusal };
  advance(draft);
  callQueued(draft);
  moveDepartures(draft);
  syncRoutes(draft);
  return { state: draft.state, commands: draft.commands, notes: draft.notes, refusal: null };
}

type Handlers = { readonly [K in EventBody["kind"]]: (draft: Draft, event: Extract<Event, { kind: K }>) => void };

const HANDLERS: Handlers = {
  "deploy.requested": whenDeployRequested,
  "rollback.requested": whenRollbackRequested,
  "restart.requested": whenRestartRequested,
  "scale.requested": whenScaleRequested,
  "queue.clear.requested": whenQueueClearRequested,
  "abort.requested": whenAbortRequested,
  "promote.requested": whenPromoteRequested,
  "halt.requested": whenHaltRequested,
  "continue.requested": whenContinueRequested,
  "retry.requested": whenRetryRequested,
  "suspend.requested": whenSuspendRequested,
  "resume.requested": whenResumeRequested,
  "pause.requested": whenPauseRequested,
  "unpause.requested": whenUnpauseRequested,
  "maintenance.requested": whenMaintenanceRequested,
  "engine.recovered": whenRecovered,
  "release.created": whenReleaseCreated,
  "release.unchanged": (draft, { release }) => {
    if (running(draft.state)?.to === release) finishUnchanged(draft);
  },
  "release.failed": whenReleaseFailed,
  "freeze.seen": whenFreezeSeen,
  "release.pruned": (draft, { releases }) => {
    const kept = <T>(of: Readonly<Record<string, T>>) =>
      Object.fromEntries(Object.entries(of).filter(([name]) => !releases.includes(name)));
    patch(draft, {
      releases: kept(draft.state.releases),
      replaced: draft.state.replaced && kept(draft.state.replaced),
      promoted: draft.state.promoted.filter((name) => !releases.includes(name)),
    });
  },
  "instance.started": whenStarted,
  "instance.startFailed": (draft, { instance, failure }) => {
    whenFailedToStart(draft, instance, failure);
  },
  "instance.ready": (draft, { instance }) => {
    whenReady(draft, instance);
    if (running(draft.state)?.starting.includes(instance) === true) return;
    superviseReady(draft, instance);
    supervise(draft);
  },
  "instance.unready": (draft, { instance, failure }) => {
    whenFailedToStart(draft, instance, failure);
  },
  "instance.sick": whenSick,
  "instance.well": whenWell,
  "instance.exited": (draft, exit) => {
    whenExited(draft, [exit]);
  },
  "instance.stopped": (draft, { instance, how }) => {
    // The end of one of another side leaves the stable one as it was.
    const ofStableSide = find(draft.state, instance)?.generation === draft.state.generation;
    whenStopped(draft, instance, how);
    if (ofStableSide) supervise(draft);
  },
  "traffic.applied": (draft, { revision }) => {
    const appliedRevision = Math.max(revision, draft.state.routes.appliedRevision);
    patch(draft, { routes: { ...draft.state.routes, appliedRevision } });
    askForQuiet(draft);
  },
  "traffic.refused": whenTrafficRefused,
  "traffic.quiet": whenQuiet,
  "traffic.removed": () => undefined,
  "traffic.drained": (draft, { instances, cut }) => {
    for (const name of instances) {
      if (find(draft.state, name)?.status === "draining") patchInstance(draft, name, { status: "drained" });
    }
    patchDeployment(draft, { cut: (draft.state.deployment?.cut ?? 0) + cut });
  },
  "ledger.opened": whenLedgerOpened,
  "ledger.closed": (draft, { snapshot }) => {
    const deployment = running(draft.state);
    if (deployment === null) return;
    patchDeployment(draft, { ledger: { ...deployment.ledger, closed: snapshot, closedSettled: true } });
    finishWhenClosed(draft);
  },
  "timer.fired": (draft, { timer }) => {
    if (timer === ROUTES_TIMER) syncRoutes(draft, { force: true });
    else if (isPauseTimer(timer)) whenPauseOver(draft, timer);
    else if (isStandbyTimer(timer)) whenStandbyOver(draft, timer);
    else if (isQueueTimer(timer)) askAnew(draft);
    else if (isWaitTimer(timer)) whenWaitOver(draft, timer);
    else whenTimerFired(draft, timer);
  },
  "task.ended": (draft, ended) => {
    whenTaskEnded(draft, ended);
    finishWhenClosed(draft);
  },
  "output.written": (draft, { lines }) => {
    for (const line of lines) note(draft, `  ${line}`);
  },
  "command.done": () => undefined,
};
