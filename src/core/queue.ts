import { beginDeploy, nextRelease } from "./beginning.ts";
import type { DeployOrder } from "./deploy-order.ts";
import { note, order, patch, patchDeployment, refuse, running, setTimer, type Draft } from "./draft.ts";
import type { Event } from "./event.ts";
import { frozenText, type FreezeWindow } from "./freeze.ts";
import { goBack } from "./going-back.ts";
import { refuseFrozen, refuseWhileRunning } from "./refusals.ts";
import type { Deployment } from "./state.ts";

type Request<K extends Event["kind"]> = Extract<Event, { kind: K }>;

const TIMER_PREFIX = "queue/";

/** At once when the app is free and nothing is frozen; otherwise as the request says, or the release. */
export function whenDeployRequested(draft: Draft, request: Request<"deploy.requested">): void {
  const { by, strategy, batch, force, spec, whenBusy, override } = request;
  const frozen = override === undefined ? request.frozen : undefined;
  const deployment = running(draft.state);
  const policy = whenBusy ?? spec.rollout.whenBusy ?? "refuse";
  // Who asks for the queue waits for the end of a window too; who only has it in the configuration is told.
  if (frozen !== undefined && whenBusy !== "queue") {
    refuseFrozen(draft, frozen);
    return;
  }
  if (policy === "refuse" && refuseWhileRunning(draft)) return;
  const release = nextRelease(draft);
  dropQueued(draft, `${release}, which ${by} deploys, takes its place`);
  const told = { ...(spec.notifications && { notifications: spec.notifications }), ...(override !== undefined && { override }) };
  const wanted: DeployOrder = { by, release, strategy, batch, force, ...told };
  if (deployment === null && frozen === undefined) {
    beginDeploy(draft, wanted);
    return;
  }
  enqueue(draft, wanted, spec.freeze ?? []);
  if (deployment !== null && policy === "supersede") supersede(draft, deployment, wanted);
}

/**
 * The app is free: what is queued begins, if nothing is frozen. Whether that is so depends on the clock and on calendars, so it is asked for.
 */
export function callQueued(draft: Draft): void {
  const { queued, next } = draft.state;
  if (queued === undefined || running(draft.state) !== null || queued.asked === next.deployment) return;
  patch(draft, { queued: { ...queued, asked: next.deployment } });
  const windows = queued.override === undefined ? queued.freeze : [];
  order(draft, { kind: "freeze.look", release: queued.release, windows }, null);
}

export function whenFreezeSeen(draft: Draft, { release, frozen }: Request<"freeze.seen">): void {
  const { queued } = draft.state;
  if (queued?.release !== release || running(draft.state) !== null) return;
  if (frozen === null) {
    patch(draft, { queued: undefined });
    beginDeploy(draft, queued);
    patchDeployment(draft, { queuedAt: queued.since });
    return;
  }
  patch(draft, { queued: { ...queued, frozen } });
  note(draft, `${release} stays in the queue: ${frozenText(frozen)}`);
  if (frozen.until !== null) setTimer(draft, `${TIMER_PREFIX}${release}`, frozen.until);
}

export function isQueueTimer(timer: string): boolean {
  return timer.startsWith(TIMER_PREFIX);
}

/** The window should be over, or a daemon has come back: it is asked anew. */
export function askAnew(draft: Draft): void {
  const { queued } = draft.state;
  if (queued !== undefined) patch(draft, { queued: { ...queued, asked: undefined } });
}

export function whenQueueClearRequested(draft: Draft, { by }: Request<"queue.clear.requested">): void {
  if (draft.state.queued === undefined) {
    refuse(draft, {
      code: "ERR_NOTHING_RUNNING",
      what: `No deployment of ${draft.state.app} is queued.`,
      next: "`hitless abort` asks the running one to go back.",
    });
    return;
  }
  dropQueued(draft, `${by} takes it back`);
}

/** It never begins; nothing is left of what was staged for it. */
export function dropQueued(draft: Draft, why: string): void {
  const { queued } = draft.state;
  if (queued === undefined) return;
  patch(draft, { queued: undefined });
  order(draft, { kind: "release.discard", release: queued.release }, null);
  note(draft, `${queued.release} of ${queued.by} leaves the queue: ${why}`);
}

function enqueue(draft: Draft, wanted: DeployOrder, freeze: readonly FreezeWindow[]): void {
  patch(draft, { queued: { ...wanted, since: draft.at, freeze } });
  const ahead = running(draft.state);
  const after = ahead === null ? "" : `; it begins when ${ahead.name} has ended`;
  note(draft, `${wanted.by} puts ${wanted.release} into the queue${after}`);
}

/** Only what brings new code: a rollback or a change of size that somebody asked for is waited for. */
function supersede(draft: Draft, { name, kind, direction }: Deployment, { by, release }: DeployOrder): void {
  if (kind !== "deploy" || direction === "back") return;
  goBack(draft, {
    code: "ERR_SUPERSEDED",
    what: `${by} deploys ${release} in the place of ${name}.`,
    next: `${release} begins when ${name} has gone back.`,
  });
}
