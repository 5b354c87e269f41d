import type { Failure } from "../base/error.ts";
import type { DeploymentName, InstanceName } from "../base/names.ts";
import type { Command, CommandBody } from "./command.ts";
import type { Event } from "./event.ts";
import { find, withInstance, withoutInstance } from "./instance-book.ts";
import type { AppState, Deployment, Instance } from "./state.ts";

/** A line for people that a decision leaves behind. */
export interface NoteDraft {
  readonly level: "info" | "good" | "bad";
  readonly text: string;
}

/** What a decision has worked out so far. It lives only inside one call of `decide`; the states in it are immutable. */
export interface Draft {
  readonly event: Event;
  readonly at: number;
  state: AppState;
  readonly commands: Command[];
  readonly notes: NoteDraft[];
  refusal: Failure | null;
  /** Whether the wanted route table may be another one than before: nobody need walk over all instances to see that it is not. */
  routesTouched: boolean;
}

export function openDraft(state: AppState, event: Event): Draft {
  return { event, at: event.at, state, commands: [], notes: [], refusal: null, routesTouched: false };
}

export function patch(draft: Draft, change: Partial<AppState>): void {
  if ("standby" in change || "active" in change) draft.routesTouched = true;
  draft.state = { ...draft.state, ...change };
}

/** Orders something. The id counts up within the app and is part of the state, so that the same journal gives the same ids. */
export function order(draft: Draft, body: CommandBody, deployment: DeploymentName | null = runningName(draft.state)): void {
  const number = draft.state.next.command;
  patch(draft, { next: { ...draft.state.next, command: number + 1 } });
  draft.commands.push({ ...body, id: `${draft.state.app}/${String(number)}/${body.kind}`, deployment });
}

export function setTimer(draft: Draft, timer: string, at: number, deployment: DeploymentName | null = null): void {
  order(draft, { kind: "timer.set", timer, at, afterMs: Math.max(0, at - draft.at) }, deployment);
}

export function note(draft: Draft, text: string, level: NoteDraft["level"] = "info"): void {
  draft.notes.push({ level, text });
}

export function refuse(draft: Draft, failure: Failure): void {
  draft.refusal = failure;
}

/** The deployment that runs now, or null. */
export function running(state: AppState): Deployment | null {
  return state.deployment?.outcome === null ? state.deployment : null;
}

export function patchDeployment(draft: Draft, change: Partial<Deployment>): void {
  if (draft.state.deployment === null) return;
  if ("share" in change || "outcome" in change) draft.routesTouched = true;
  patch(draft, { deployment: { ...draft.state.deployment, ...change } });
}

export function patchInstance(draft: Draft, name: InstanceName, change: Partial<Instance>): void {
  const instance = find(draft.state, name);
  if (instance === undefined) return;
  const changed = { ...instance, ...change };
  if (changed.routed !== instance.routed) draft.routesTouched = true;
  patch(draft, { instances: withInstance(draft.state.instances, changed) });
}

export function dropInstance(draft: Draft, name: InstanceName): void {
  if (find(draft.state, name)?.routed === true) draft.routesTouched = true;
  patch(draft, { instances: withoutInstance(draft.state.instances, name) });
}

function runningName(state: AppState): DeploymentName | null {
  return running(state)?.name ?? null;
}
