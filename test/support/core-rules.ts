import type { Command } from "../../src/core/command.ts";
import type { Decision } from "../../src/core/decide.ts";
import { running } from "../../src/core/draft.ts";
import type { Event } from "../../src/core/event.ts";
import type { RouteTable } from "../../src/core/routes.ts";
import type { AppState, Instance } from "../../src/core/state.ts";

interface Watched {
  readonly lastTable: RouteTable | null;
  /** Instances have ended by themselves since the deployment began: the core did not take that capacity away. */
  readonly losses: boolean;
}

/** The rules that every single decision has to keep, whatever came before it. Gives a sentence for each that is broken. */
export function brokenRules(
  before: AppState,
  event: Event,
  decision: Decision,
  { lastTable, losses }: Watched,
): readonly string[] {
  const { state, commands } = decision;
  const tables = commands.flatMap((command) => (command.kind === "traffic.apply" ? [command.table] : []));
  return [
    ...Object.values(state.instances).flatMap((instance) => ofInstance(instance)),
    ...commands.flatMap((command) => ofStop(before, event, command)),
    ...tables.flatMap((table) => ofTable(state, table)),
    ...monotone(lastTable === null ? tables : [lastTable, ...tables]),
    ...ids(before, commands),
    ...(losses ? [] : floor(before, state, tables)),
  ];
}

function ofInstance({ name, routed, status }: Instance): string[] {
  return routed && status !== "serving" ? [`${name} is routed while it is ${status}`] : [];
}

/** Told to stop is only what never got requests, or what every worker has acknowledged to be drained. */
function ofStop(before: AppState, event: Event, command: Command): string[] {
  if (command.kind !== "instance.stop") return [];
  const instance = before.instances[command.instance];
  if (instance === undefined) return [`${command.instance} is told to stop and was never started`];
  if (instance.routed) return [`${instance.name} is told to stop while it is routed`];
  if (instance.status !== "draining") return [];
  const drained = event.kind === "traffic.drained" && event.instances.includes(instance.name);
  return drained ? [] : [`${instance.name} is told to stop before its drain is acknowledged`];
}

function ofTable(state: AppState, table: RouteTable): string[] {
  const names = table.pools.flatMap(({ targets }) => targets.map(({ instance }) => instance));
  const wrong = names.filter((name) => state.instances[name]?.status !== "serving");
  const empty = table.pools.filter(({ weight, targets }) => weight !== targets.length || targets.length === 0);
  return [
    ...wrong.map((name) => `${name} is routed and does not serve`),
    ...empty.map(({ release }) => `pool ${release} is off`),
  ];
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

/** A deployment never takes away more than the smaller of its two sides. */
function floor(before: AppState, state: AppState, tables: readonly RouteTable[]): string[] {
  const deployment = running(state);
  if (deployment === null || deployment.kind === "suspend" || deployment.kind === "scale" || state.active === null) return [];
  if (before.suspended) return [];
  const routed = (of: AppState): number => Object.values(of.instances).filter((instance) => instance.routed).length;
  const wanted = Object.entries(state.releases[deployment.to ?? ""]?.spec.processes ?? {})
    .filter(([, { traffic }]) => traffic)
    .reduce((sum, [type, { instances }]) => sum + Math.min(state.counts[type] ?? instances, instances), 0);
  const least = Math.min(routed(before), deployment.capacity.atStart, wanted);
  return tables.length > 0 && routed(state) < least ? [`${routed(state)} routed, at least ${least} must be`] : [];
}
