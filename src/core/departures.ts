import type { InstanceName } from "../base/names.ts";
import { order, patch, patchInstance, type Draft } from "./draft.ts";
import { drainLimits } from "./drain-limits.ts";
import { find, stopInstance } from "./instances.ts";
import { syncRoutes } from "./route-tables.ts";
import type { AppState, Departure } from "./state.ts";

/** These instances go, beside whatever deployment runs: out of the table, then drained, then stopped. */
export function depart(draft: Draft, names: readonly InstanceName[]): void {
  const going = names.filter((name) => isThere(draft.state, name));
  if (going.length === 0) return;
  for (const name of going) {
    const routed = find(draft.state, name)?.routed === true;
    patchInstance(draft, name, { status: routed ? "draining" : "drained", routed: false });
  }
  syncRoutes(draft);
  const { specRelease, revision } = draft.state.routes;
  const departure: Departure = { instances: going, revision: specRelease === null ? 0 : revision, asked: false };
  patch(draft, { departures: [...(draft.state.departures ?? []), departure] });
}

/** Takes every departure as far as it can go now. */
export function moveDepartures(draft: Draft): void {
  const { departures } = draft.state;
  if (departures === undefined || departures.length === 0) return;
  const left = departures.flatMap((departure) => move(draft, departure));
  const changed = left.length !== departures.length || left.some((departure, index) => departure !== departures[index]);
  if (changed) patch(draft, { departures: left });
}

/** True for an instance that is going by itself; nobody else may bring it back. */
export function isDeparting({ departures }: AppState, name: InstanceName): boolean {
  return departures?.some(({ instances }) => instances.includes(name)) === true;
}

function move(draft: Draft, departure: Departure): readonly Departure[] {
  if (draft.state.routes.installed && draft.state.routes.appliedRevision < departure.revision) return [departure];
  const here = departure.instances.flatMap((name) => find(draft.state, name) ?? []);
  const draining = here.filter(({ status }) => status === "draining");
  if (draining.length > 0) {
    if (departure.asked) return [departure];
    order(draft, { kind: "traffic.drain", ...drainLimits(draft.state, draining) }, null);
    return [{ ...departure, asked: true }];
  }
  for (const { name } of here) stopInstance(draft, name);
  return here.length === 0 ? [] : [departure];
}

function isThere(state: AppState, name: InstanceName): boolean {
  const status = find(state, name)?.status;
  return status !== undefined && status !== "stopping" && status !== "draining" && !isDeparting(state, name);
}
