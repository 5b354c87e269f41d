import { note, patchDeployment, refuse, running, type Draft } from "./draft.ts";
import type { Event, EventBody, Operator } from "./event.ts";
import { goBack } from "./going-back.ts";
import { withoutWaits } from "./merge-stages.ts";
import type { AppState, Deployment } from "./state.ts";
import { taskName } from "./task.ts";
import { acceptTasks, openVerdicts, retryTasks } from "./tasks.ts";
import { isWaiting } from "./waiting.ts";

type Request<K extends EventBody["kind"]> = Extract<Event, { kind: K }>;

/** What an operator can say to a deployment that runs. */
const VERBS = ["promote", "promote --full", "rollout pause", "rollout resume", "rollout retry", "abort"] as const;
type Verb = (typeof VERBS)[number];

/** On with what it waits for; `full`: and with all the rest, without waiting for anything any more. */
export function whenPromoteRequested(draft: Draft, { by, full = false }: Request<"promote.requested">): void {
  const deployment = mayBeTold(draft, full ? "promote --full" : "promote");
  if (deployment === null) return;
  note(draft, full ? `${by} lets ${deployment.name} go all the way` : `${by} lets ${deployment.name} go on`, "good");
  const { stage, step } = deployment;
  if (full) patchDeployment(draft, { full: true, stages: withoutWaits(deployment) });
  acceptTasks(draft);
  patchDeployment(draft, { halted: undefined, ...(step === "waiting" ? { waited: stage } : {}) });
}

/** It stays where it is. What it has running goes on being looked after, and a failure still takes it back. */
export function whenHaltRequested(draft: Draft, { by }: Request<"halt.requested">): void {
  const deployment = mayBeTold(draft, "rollout pause");
  if (deployment === null) return;
  patchDeployment(draft, { halted: { by, since: draft.at } });
  note(draft, `${by} pauses ${deployment.name}; it goes on with \`hitless rollout resume\``);
}

export function whenContinueRequested(draft: Draft, { by }: Request<"continue.requested">): void {
  const deployment = mayBeTold(draft, "rollout resume");
  if (deployment === null) return;
  patchDeployment(draft, { halted: undefined });
  note(draft, `${by} lets ${deployment.name} go on`, "good");
}

/** What it could not pass is judged again; then it goes on, also if somebody had paused it. */
export function judgeAgain(draft: Draft, by: Operator): void {
  const deployment = mayBeTold(draft, "rollout retry");
  if (deployment === null) return;
  patchDeployment(draft, { halted: undefined });
  note(draft, `${by} asks ${deployment.name} to judge again`);
  retryTasks(draft, deployment);
}

export function whenAbortRequested(draft: Draft, { by }: Request<"abort.requested">): void {
  const deployment = mayBeTold(draft, "abort");
  if (deployment === null) return;
  goBack(draft, { code: "ERR_ABORTED", what: `${by} asked ${deployment.name} to go back.` });
}

/** The running deployment if this can be said to it now; otherwise the refusal says why not, and what can be said. */
function mayBeTold(draft: Draft, verb: Verb): Deployment | null {
  const deployment = running(draft.state);
  const reason = problemOf(deployment, verb);
  if (reason === null) return deployment;
  refuse(draft, {
    code: deployment === null ? "ERR_NOTHING_RUNNING" : "ERR_NOT_NOW",
    what: reason,
    next: nextOf(draft.state),
  });
  return null;
}

/** Why the deployment cannot be told so now, or null. */
function problemOf(deployment: Deployment | null, verb: Verb): string | null {
  if (deployment === null) return "No deployment is running.";
  const { name, direction, step, kind, halted } = deployment;
  if (direction === "back") return `${name} is going back already.${afterwards(deployment, verb)}`;
  if (step === "closing") return `${name} has just been completed; use \`hitless rollback\` to go back.`;
  if (kind === "suspend") return `${name} stops the app; bring it back with \`hitless up\` when it is done.`;
  switch (verb) {
    case "promote":
      return halted !== undefined || isHeld(deployment) ? null : `${name} waits for nothing: it is ${step}.`;
    case "rollout pause":
      return halted === undefined ? null : `${name} is paused already, by ${halted.by}.`;
    case "rollout resume":
      return halted !== undefined ? null : `${name} is not paused.`;
    case "rollout retry":
      return retryProblem(deployment);
    case "promote --full":
    case "abort":
      return null;
  }
}

/** What can be said when it has gone back. */
function afterwards({ kind, to }: Deployment, verb: Verb): string {
  return verb === "rollout retry" && kind === "deploy" ? ` When it has gone back, ${to ?? "it"} can be tried again.` : "";
}

function retryProblem(deployment: Deployment): string | null {
  const open = openVerdicts(deployment).map(([, { task }]) => task);
  const { name, step } = deployment;
  if (open.length === 0) return `Nothing that ${name} judges has failed or been left open: it is ${step}.`;
  const hook = open.find(({ kind }) => kind === "hook");
  return hook === undefined ? null : `${taskName(hook)} is run once in each deployment, and has failed in ${name}.`;
}

function isHeld(deployment: Deployment): boolean {
  const { step } = deployment;
  return step === "checking" || step === "baking" || (step === "waiting" && isWaiting(deployment));
}

function nextOf(state: AppState): string {
  const deployment = running(state);
  const legal = VERBS.filter((verb) => problemOf(deployment, verb) === null);
  if (legal.length > 0) return `What can be said to it now: ${legal.map((verb) => `\`hitless ${verb}\``).join(", ")}.`;
  return "See what happened with `hitless status` or `hitless history`.";
}
