import { instanceName, type InstanceName, type ReleaseName } from "../base/names.ts";
import type { ProcessSpec } from "./app-spec.ts";
import type { CommandBody } from "./command.ts";
import type { EventBody } from "./event.ts";
import { dropInstance, note, order, patch, patchInstance, type Draft } from "./draft.ts";
import { find, withInstance } from "./instance-book.ts";
import type { AppState, Instance } from "./state.ts";

export { all, find } from "./instance-book.ts";

/** The process spec an instance runs by; null only if its release is unknown. */
export function specOf(state: AppState, instance: Pick<Instance, "release" | "type">): ProcessSpec | null {
  return state.releases[instance.release]?.spec.processes[instance.type] ?? null;
}

/** True while the instance may still do work: neither going away nor gone. */
export function isLive(instance: Instance): boolean {
  return instance.status === "starting" || instance.status === "warming" || instance.status === "serving";
}

/** How many instances of a type a release should run: what `scale` set, else what the release says. */
export function desiredCount(state: AppState, release: ReleaseName, type: string): number {
  const spec = state.releases[release]?.spec.processes[type];
  return spec === undefined ? 0 : (state.counts[type] ?? spec.instances);
}

/** Counts set by `scale` stay, unless the new release says another number than the old one did. */
export function countsAfter(state: AppState, to: ReleaseName): AppState["counts"] {
  const before = state.active === null ? undefined : state.releases[state.active]?.spec.processes;
  const after = state.releases[to]?.spec.processes;
  const kept = Object.entries(state.counts).filter(
    ([type]) => after?.[type] !== undefined && after[type].instances === before?.[type]?.instances,
  );
  return Object.fromEntries(kept);
}

export function processTypes(state: AppState, release: ReleaseName): readonly string[] {
  return Object.keys(state.releases[release]?.spec.processes ?? {});
}

/** Orders the start of a new instance and gives its name. */
export function startInstance(
  draft: Draft,
  what: { readonly type: string; readonly release: ReleaseName; readonly generation: number },
): InstanceName {
  const number = draft.state.next.instance;
  const name = instanceName(what.type, what.release, number);
  const instance: Instance = {
    ...what,
    name,
    status: "starting",
    routed: false,
    host: null,
    port: null,
    pid: null,
    since: draft.at,
  };
  patch(draft, {
    next: { ...draft.state.next, instance: number + 1 },
    instances: withInstance(draft.state.instances, instance),
  });
  order(draft, { kind: "instance.start", instance: name, type: what.type, release: what.release });
  return name;
}

/** Orders the stop of an instance that gets no requests any more. Safe to repeat. */
export function stopInstance(draft: Draft, name: InstanceName): void {
  const instance = find(draft.state, name);
  if (instance === undefined || instance.status === "stopping") return;
  const spec = specOf(draft.state, instance);
  patchInstance(draft, name, { status: "stopping", routed: false });
  order(draft, stopOf(name, spec));
}

type Started = Omit<Extract<EventBody, { kind: "instance.started" }>, "kind">;

/** The instance runs: await its readiness. */
export function whenStarted(draft: Draft, started: Started): void {
  const instance = find(draft.state, started.instance);
  if (instance === undefined || instance.status === "stopping") stopLateComer(draft, started.instance, instance);
  if (instance?.status !== "starting") return;
  const spec = specOf(draft.state, instance);
  if (spec === null) return;
  const { pid, host, port, healthPort } = started;
  patchInstance(draft, instance.name, {
    status: "warming",
    pid,
    host,
    port,
    ...(healthPort === undefined ? {} : { healthPort }),
  });
  order(draft, {
    kind: "instance.awaitReady",
    instance: instance.name,
    host,
    port: healthPort ?? port,
    health: spec.health,
    readyAfterMs: spec.readyAfterMs,
    deadlineAt: Math.min(instance.since, draft.at) + spec.startDeadlineMs,
    afterMs: spec.startDeadlineMs,
  });
}

/** Its stop came before its start, which a daemon that died had begun: it found nothing to stop then. */
function stopLateComer(draft: Draft, name: InstanceName, known: Instance | undefined): void {
  const spec = known === undefined ? null : specOf(draft.state, known);
  order(draft, stopOf(name, spec), null);
}

function stopOf(instance: InstanceName, spec: ProcessSpec | null): Extract<CommandBody, { kind: "instance.stop" }> {
  return { kind: "instance.stop", instance, signal: spec?.stopSignal ?? "SIGTERM", graceMs: spec?.stopGraceMs ?? 10_000 };
}

export function whenReady(draft: Draft, name: InstanceName): void {
  const instance = find(draft.state, name);
  if (instance?.status !== "warming") return;
  patchInstance(draft, name, { status: "serving" });
  note(draft, `${name} is ready after ${seconds(draft.at - instance.since)}`);
}

/** The instance is gone. One that had to be killed is told of: it may have left work undone, and cost its grace. */
export function whenStopped(draft: Draft, name: InstanceName, how: "exited" | "killed" | "gone"): void {
  const instance = find(draft.state, name);
  const spec = instance === undefined ? null : specOf(draft.state, instance);
  if (how === "killed" && spec !== null)
    note(draft, `${name} did not end within ${seconds(spec.stopGraceMs)} of ${spec.stopSignal}: it was ended by SIGKILL`, "bad");
  dropInstance(draft, name);
}

export function seconds(ms: number): string {
  return ms < 950 ? `${(ms / 1000).toFixed(2)} s` : `${(ms / 1000).toFixed(1)} s`;
}
