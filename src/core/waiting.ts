import { note, order, patchDeployment, refuse, running, type Draft } from "./draft.ts";
import type { Event, EventBody } from "./event.ts";
import { seconds } from "./instances.ts";
import type { Deployment, Wait } from "./state.ts";

type Request<K extends EventBody["kind"]> = Extract<Event, { kind: K }>;

const TIMER_PREFIX = "wait/";

/** What the current stage waits for, or null when nothing keeps it (any longer). */
export function waitOf({ stages, stage, direction, waited = -1 }: Deployment): Wait | null {
  return direction === "back" || waited >= stage ? null : (stages[stage]?.wait ?? null);
}

export function isWaiting(deployment: Deployment): boolean {
  return waitOf(deployment) !== null;
}

/** Says what is waited for, and sets the clock if there is an end to it. */
export function beginWait(draft: Draft, deployment: Deployment): void {
  const wait = waitOf(deployment);
  if (wait === null) return;
  note(draft, waitText(deployment, wait));
  if (wait.ms === null) return;
  order(draft, { kind: "timer.set", timer: timerOf(deployment), at: draft.at + wait.ms });
}

export function isWaitTimer(timer: string): boolean {
  return timer.startsWith(TIMER_PREFIX);
}

export function whenWaitOver(draft: Draft, timer: string): void {
  const deployment = running(draft.state);
  if (deployment === null || timer !== timerOf(deployment)) return;
  patchDeployment(draft, { waited: deployment.stage });
}

export function whenPromoteRequested(draft: Draft, { by }: Request<"promote.requested">): void {
  const deployment = running(draft.state);
  const reason = promoteProblem(deployment);
  if (deployment === null || reason !== null) {
    refuse(draft, {
      code: "ERR_NOTHING_TO_PROMOTE",
      what: reason ?? "No deployment is running.",
      next: "See where it is with `hitless status`.",
    });
    return;
  }
  note(draft, `${by} lets ${deployment.name} go on`, "good");
  patchDeployment(draft, { waited: deployment.stage });
}

function promoteProblem(deployment: Deployment | null): string | null {
  if (deployment === null) return "No deployment is running.";
  const { name, direction, step } = deployment;
  if (direction === "back") return `${name} is going back.`;
  return step === "waiting" && isWaiting(deployment) ? null : `${name} waits for nothing: it is ${step}.`;
}

function waitText({ to, share }: Deployment, { ms }: Wait): string {
  const seen = share === 0 ? "can be previewed and gets no requests" : `gets ${String(share ?? 0)} % of the requests`;
  const end = ms === null ? "it waits for `hitless promote`" : `it goes on in ${seconds(ms)}, or with \`hitless promote\``;
  return `${to ?? "the new side"} ${seen}; ${end} (\`hitless abort\` goes back)`;
}

function timerOf({ name, stage }: Deployment): string {
  return `${TIMER_PREFIX}${name}/${String(stage)}`;
}
