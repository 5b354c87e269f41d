import type { Command } from "../../src/core/command.ts";
import { countOf } from "../../src/core/plan-batches.ts";
import type { Decision } from "../../src/core/decide.ts";
import { running } from "../../src/core/draft.ts";
import type { Event } from "../../src/core/event.ts";
import type { Pool, RouteTable } from "../../src/core/routes.ts";
import { all, countsAfter, find } from "../../src/core/instances.ts";
import type { AppState, Deployment, Instance } from "../../src/core/state.ts";

interface Watched {
  readonly lastTable: RouteTable | null;
}

/** The rules that every single decision has to keep, whatever came before it. Gives a sentence for each that is broken. */
export function brokenRules(before: AppState, event: Event, decision: Decision, { lastTable }: Watched): readonly string[] {
  const { state, commands } = decision;
  const tables = commands.flatMap((command) => (command.kind === "traffic.apply" ? [command.table] : []));
  return [
    ...all(state).flatMap((instance) => ofInstance(instance)),
    ...commands.flatMap((command) => ofStop(before, event, command)),
    ...tables.flatMap((table) => ofTable(state, table)),
    ...monotone(lastTable === null ? tables : [lastTable, ...tables]),
    ...ids(before, commands),
    ...floor(lastTable, state, tables),
  ];
}

function ofInstance({ name, routed, status }: Instance): string[] {
  return routed && status !== "serving" ? [`${name} is routed while it is ${status}`] : [];
}

/** Told to stop is only what never got requests, or what every worker has acknowledged to be drained. */
function ofStop(before: AppState, event: Event, command: Command): string[] {
  if (command.kind !== "instance.stop") return [];
  const instance = find(before, command.instance);
  // One that came after its stop is stopped again.
  if (event.kind === "instance.started" && event.instance === command.instance) return [];
  if (instance === undefined) return [`${command.instance} is told to stop and was never started`];
  if (instance.routed) return [`${instance.name} is told to stop while it is routed`];
  if (instance.status !== "draining") return [];
  const drained = event.kind === "traffic.drained" && event.instances.includes(instance.name);
  return drained ? [] : [`${instance.name} is told to stop before its drain is acknowledged`];
}

function ofTable(state: AppState, table: RouteTable): string[] {
  const names = table.pools.flatMap(({ targets }) => targets.map(({ instance }) => instance));
  const wrong = names.filter((name) => find(state, name)?.status !== "serving");
  const empty = table.pools.filter((pool) => pool.targets.length === 0 || isOff(state, pool));
  return [
    ...wrong.map((name) => `${name} is routed and does not serve`),
    ...empty.map(({ release }) => `pool ${release} is off`),
  ];
}

/** By the number of targets where nothing is shared out by weight; what is on standby gets nothing. */
function isOff(state: AppState, { release, weight, targets }: Pool): boolean {
  const deployment = running(state);
  const isShared = deployment?.share !== undefined && deployment.to !== state.active;
  if (isShared) return weight < 0;
  return weight !== (state.standby?.release === release ? 0 : targets.length);
}

function monotone(tables: readonly RouteTable[]): string[] {
  return tables.flatMap((table, index) => {
    const last = tables[index - 1];
    if (last === undefined) return [];
    const upwards = table.epoch >= last.epoch && table.revision > last.revision;
    return upwards ? [] : [`table ${table.epoch}/${table.revision} after ${last.epoch}/${last.revision}`];
  });
}

function ids(before: AppState, commands: readonly Command[]): string[] {
  const numbers = commands.map(({ id }) => Number(id.split("/")[1]));
  return numbers.every((number, index) => number === before.next.command + index) ? [] : [`ids ${numbers.join(", ")}`];
}

/**
 * A deployment never takes away more than the smaller of its two sides, and on the way back nothing that the stable side is short of.
 * What ended by itself was not taken away; but it is no leave to take away more.
 */
function floor(lastTable: RouteTable | null, state: AppState, tables: readonly RouteTable[]): string[] {
  const deployment = running(state);
  if (tables.length === 0 || deployment === null || deployment.kind === "suspend" || state.active === null) return [];
  const left = serving(lastTable).filter((name) => find(state, name) !== undefined);
  const least = Math.min(left.length, planned(state, deployment));
  const fewest = Math.min(...tables.map((table) => serving(table).length));
  return fewest < least ? [`${fewest} get requests, at least ${least} must`] : [];
}

/** Targets that get requests. */
function serving(table: RouteTable | null): readonly string[] {
  return (table?.pools ?? []).flatMap(({ weight, targets }) => (weight > 0 ? targets.map(({ instance }) => instance) : []));
}

function planned(state: AppState, { direction, kind, to, counts, capacity, share }: Deployment): number {
  const size = (release: string, of: AppState["counts"]): number =>
    Object.entries(state.releases[release]?.spec.processes ?? {})
      .filter(([, { traffic }]) => traffic)
      .reduce((sum, [type, { instances }]) => sum + (of[type] ?? instances), 0);
  if (direction === "back") return state.suspended ? 0 : size(state.active ?? "", state.counts);
  if (kind === "scale") return size(to ?? "", { ...state.counts, ...counts });
  // Half of what is on standby is enough to go back to at once.
  if (kind === "rollback" && share !== undefined)
    return Math.min(capacity.atStart, Math.ceil(size(to ?? "", countsAfter(state, to ?? "")) / 2));
  const least = Math.min(capacity.atStart, size(to ?? "", countsAfter(state, to ?? "")));
  return Math.max(0, least - missing(state, to ?? "", size(to ?? "", countsAfter(state, to ?? ""))));
}

/** So many fewer is what the release allows. */
function missing(state: AppState, to: string, wanted: number): number {
  const { maxUnavailable } = state.releases[to]?.spec.rollout ?? {};
  return maxUnavailable === undefined ? 0 : countOf(maxUnavailable, wanted);
}
