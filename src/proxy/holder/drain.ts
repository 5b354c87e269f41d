import type { InstanceName } from "../../base/names.ts";
import type { DrainLimits, DrainOutcome, RouteTable } from "../../core/routes.ts";
import type { Counts } from "./counts.ts";
import { throwIfRouted } from "./table-order.ts";
import { within } from "./within.ts";
import type { WorkerGroup } from "./worker-group.ts";

/** How long a cut may take until the workers have acknowledged it. */
const CUT_LIMIT_MS = 2_000;

export interface DrainOrder {
  readonly app: string;
  readonly instances: readonly InstanceName[];
  readonly limits: DrainLimits;
  /** The app's table as it is when it is asked for. */
  readonly table: () => RouteTable | undefined;
}

/**
 * Waits until no worker has anything in flight to the instances; see the contract in `api/proxy-control`. At its limit a request is cut; a
 * tunnel ends, which is no loss.
 */
export async function drain(workers: WorkerGroup, counts: Counts, order: DrainOrder, signal: AbortSignal): Promise<DrainOutcome> {
  const { app, instances, limits, table } = order;
  throwIfRouted(table(), instances);
  const begun = Date.now();
  const limitMs = Math.max(limits.requestsMs, limits.tunnelsMs);
  const { requestsMs } = limits;
  const drained = workers.askAll({ kind: "drain", app, instances, limitMs, requestsMs });
  const endsWithin = async (ms: number): Promise<boolean> => {
    const ended = await within(drained, ms, signal);
    signal.throwIfAborted();
    return ended;
  };
  if (await endsWithin(requestsMs)) return { cut: 0, ms: Date.now() - begun };
  // Another writer may have routed them again meanwhile.
  throwIfRouted(table(), instances);
  const cut = instances.reduce((sum, instance) => sum + (counts.book.find(app)?.requestsInFlightOf(instance) ?? 0), 0);
  workers.tellAll({ kind: "cut", app, instances, what: "requests" });
  if (!(await endsWithin(limitMs - requestsMs))) {
    throwIfRouted(table(), instances);
    workers.tellAll({ kind: "cut", app, instances, what: "everything" });
    await within(drained, CUT_LIMIT_MS, signal);
  }
  return { cut, ms: Date.now() - begun };
}
