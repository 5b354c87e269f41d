import type { InstanceName } from "../base/names.ts";
import { depart } from "./departures.ts";
import { note, patchInstance, type Draft } from "./draft.ts";
import { all, find, isLive, startInstance } from "./instances.ts";
import type { AppState, Instance } from "./state.ts";

export interface Replacing {
  readonly type: string;
  /** How many instances of the type there should be. */
  readonly wanted: number;
  /** Keeps the pauses between starts that fail. */
  readonly mayStart: () => boolean;
}

/**
 * Instances of the stable side that fail their health checks are replaced, one of a type at a time and start-first: a sick one goes only when a
 * healthy one serves in its place. So nothing is lost where the cause lies elsewhere (a database that is down) and no new instance becomes
 * ready either.
 */
export function replaceSick(draft: Draft, { type, wanted, mayStart }: Replacing): void {
  for (const fresh of mine(draft, type)) takeOver(draft, fresh, wanted);
  if (mine(draft, type).some((instance) => instance.replaces !== undefined && isLive(instance))) return;
  const [sick] = mine(draft, type)
    .filter(isSick)
    .sort((a, b) => (a.sick?.since ?? 0) - (b.sick?.since ?? 0));
  if (sick === undefined || !mayStart()) return;
  const { release, generation } = sick;
  const fresh = startInstance(draft, { type, release, generation });
  patchInstance(draft, fresh, { replaces: sick.name });
  note(draft, `starting ${fresh} in the place of ${sick.name}, which fails its health checks`);
}

/** True for one in whose place another one is there or coming: it does not count any more. */
export function isReplaced(state: AppState, { name, sick }: Instance): boolean {
  return sick !== undefined && all(state).some((instance) => instance.replaces === name && isLive(instance));
}

/** What was started in the place of one that is well again, as long as it has never got a request. */
export function replacementOf(draft: Draft, name: InstanceName): Instance | undefined {
  return all(draft.state).find(({ replaces, status }) => replaces === name && (status === "starting" || status === "warming"));
}

/** The sick one goes when all the others are there. */
function takeOver(draft: Draft, fresh: Instance, wanted: number): void {
  const { name, status, replaces } = fresh;
  if (replaces === undefined || status !== "serving") return;
  const others = mine(draft, fresh.type).filter((instance) => instance.status === "serving" && instance.name !== replaces);
  const old = find(draft.state, replaces);
  const isNeeded = others.length < wanted;
  if (isNeeded && old !== undefined && isSick(old)) return;
  patchInstance(draft, name, { replaces: undefined });
  if (isNeeded || old === undefined) return;
  note(draft, `${name} serves in the place of ${old.name}`, "good");
  depart(draft, [old.name]);
}

function isSick({ status, sick }: Instance): boolean {
  return status === "serving" && sick !== undefined;
}

function mine(draft: Draft, type: string): readonly Instance[] {
  const { generation } = draft.state;
  return all(draft.state).filter((instance) => instance.type === type && instance.generation === generation);
}
