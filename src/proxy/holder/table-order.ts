import { HitlessError } from "../../base/error.ts";
import type { InstanceName } from "../../base/names.ts";
import type { RouteTable } from "../../core/routes.ts";
import { instancesOf } from "../table-change.ts";

/** An identical table is acknowledged again: the daemon may not have heard the first answer. */
export function throwIfOlder(known: RouteTable, table: RouteTable): void {
  const newer = table.epoch > known.epoch || (table.epoch === known.epoch && table.revision > known.revision);
  if (newer || JSON.stringify(known) === JSON.stringify(table)) return;
  throw staleTable(known, table.epoch, table.revision);
}

export function staleTable(
  known: Pick<RouteTable, "app" | "epoch" | "revision">,
  epoch: number,
  revision?: number,
): HitlessError {
  return new HitlessError({
    code: "ERR_STALE_EPOCH",
    what: `The proxy has a newer route table of ${known.app}.`,
    why: `It has epoch ${String(known.epoch)}, revision ${String(known.revision)}; it was sent epoch ${String(epoch)}${revision === undefined ? "" : `, revision ${String(revision)}`}.`,
  });
}

/** @throws ERR_PROXY_REFUSED when requests may still go to one of the instances */
export function throwIfRouted(table: RouteTable | undefined, instances: readonly InstanceName[]): void {
  const routed = table === undefined ? [] : instancesOf(table);
  const wrong = instances.filter((instance) => routed.includes(instance));
  if (wrong.length === 0) return;
  throw new HitlessError({
    code: "ERR_PROXY_REFUSED",
    what: `${wrong.join(", ")} cannot be drained: the route table still sends requests there.`,
  });
}

/** The epochs of those who took apps out, so that a stale daemon cannot bring one back. */
export class Removals {
  readonly #epochs = new Map<string, number>();

  /** @throws ERR_STALE_EPOCH */
  throwIfOlder(app: string, epoch: number): void {
    const last = this.#epochs.get(app) ?? 0;
    if (epoch < last) throw staleTable({ app, epoch: last, revision: 0 }, epoch);
  }

  /** @throws ERR_STALE_EPOCH */
  add(app: string, epoch: number): void {
    this.throwIfOlder(app, epoch);
    this.#epochs.set(app, epoch);
  }
}
