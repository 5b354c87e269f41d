import { note, patchDeployment, running, setTimer, type Draft } from "./draft.ts";
import { seconds } from "./instances.ts";
import { notify } from "./notifying.ts";
import type { Deployment, Wait } from "./state.ts";

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
  if (wait.ms === null) {
    notify(draft, "paused");
    return;
  }
  setTimer(draft, timerOf(deployment), draft.at + wait.ms, deployment.name);
}

export function isWaitTimer(timer: string): boolean {
  return timer.startsWith(TIMER_PREFIX);
}

export function whenWaitOver(draft: Draft, timer: string): void {
  const deployment = running(draft.state);
  if (deployment === null || timer !== timerOf(deployment)) return;
  patchDeployment(draft, { waited: deployment.stage });
}

function waitText(deployment: Deployment, { ms, bake }: Wait): string {
  const next = bake === true ? "it is promoted" : "it goes on";
  const end = ms === null ? "it waits for `hitless promote`" : `${next} in ${seconds(ms)}, or with \`hitless promote\``;
  return `${shareText(deployment)}; ${end} (\`hitless abort\` goes back)`;
}

/** How far it is, for people. */
export function shareText({ to, share, stage, stages }: Pick<Deployment, "to" | "share" | "stage" | "stages">): string {
  if (share === undefined) return `batch ${String(stage + 1)} of ${String(stages.length)} serves`;
  return share === 0
    ? `${to ?? ""} can be previewed and gets no requests`
    : `${to ?? ""} gets ${String(share)} % of the requests`;
}

function timerOf({ name, stage }: Deployment): string {
  return `${TIMER_PREFIX}${name}/${String(stage)}`;
}
