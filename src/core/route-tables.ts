import type { InstanceName, ReleaseName } from "../base/names.ts";
import { assetSources, sourcesText } from "./asset-sources.ts";
import type { AssetSource } from "./assets.ts";
import { all, isLive, specOf } from "./instances.ts";
import { order, patch, patchDeployment, running, type Draft } from "./draft.ts";
import { gateOf } from "./gate-state.ts";
import { poolsOf, routedInstances, servingTargets, weightsText } from "./pools.ts";
import { withPreview } from "./previews.ts";
import { targetingOf } from "./targeting.ts";
import type { Pool, RouteTable } from "./routes.ts";
import type { AppState, Instance } from "./state.ts";

/**
 * Orders a new route table if the wanted one differs from the last one that was ordered. `force` orders it in any case, for a proxy that may
 * have forgotten, or for a new epoch.
 */
export function syncRoutes(draft: Draft, options: { readonly force?: boolean } = {}): void {
  const { state } = draft;
  const release = state.routes.specRelease;
  if (release === null) return;
  if (options.force !== true && state.routes.installed && !draft.routesTouched) return;
  draft.routesTouched = false;
  const routed = routedInstances(state);
  const names = routed.map((instance) => instance.name);
  const pools = poolsOf(state);
  const weights = weightsText(pools);
  const sources = assetSources(state, draft.at);
  const assets = sourcesText(sources);
  const isSame =
    sameNames(names, state.routes.routed) &&
    weights === (state.routes.weights ?? weights) &&
    assets === (state.routes.assets ?? "");
  if (options.force !== true && state.routes.installed && isSame) return;
  patch(draft, {
    routes: {
      ...state.routes,
      revision: state.routes.revision + 1,
      routed: names,
      weights,
      assets: assets === "" ? undefined : assets,
      installed: true,
    },
  });
  const table = routeTable(draft.state, release, { pools, sources });
  if (table !== null) order(draft, { kind: "traffic.apply", table }, null);
  recordCapacity(draft, servingTargets(pools));
}

/** Makes the given release the one whose listen address and proxy settings the next table carries. */
export function routeBy(draft: Draft, release: ReleaseName): void {
  const { routes } = draft.state;
  if (routes.specRelease === release) return;
  patch(draft, { routes: { ...routes, specRelease: release, installed: false } });
}

export function hasTraffic(state: AppState, instance: Instance): boolean {
  return specOf(state, instance)?.traffic === true;
}

/** Instances of the stable side that are on their way to serving. */
export function coming(state: AppState): readonly InstanceName[] {
  const isComing = (instance: Instance): boolean =>
    instance.status !== "serving" || (hasTraffic(state, instance) && !instance.routed);
  return all(state).flatMap((instance) =>
    instance.generation === state.generation && isLive(instance) && isComing(instance) ? [instance.name] : [],
  );
}

interface Parts {
  readonly pools: readonly Pool[];
  readonly sources: readonly AssetSource[];
}

function routeTable(state: AppState, release: ReleaseName, { pools, sources }: Parts): RouteTable | null {
  const spec = state.releases[release]?.spec;
  if (spec === undefined) return null;
  return {
    app: state.app,
    epoch: state.epoch,
    revision: state.routes.revision,
    listen: spec.listen,
    tls: spec.tls,
    proxy: spec.proxy,
    routing: withPreview(state, spec.routing),
    errorPages: spec.errorPages,
    ...(sources.length === 0 ? {} : { assets: sources }),
    ...targeted(state),
    gate: gateOf(state, spec),
    pools,
  };
}

/** Said only where there is something to say, so that tables stay as they are. */
function targeted(state: AppState): Pick<RouteTable, "targeting"> {
  const targeting = targetingOf(state);
  return targeting === undefined ? {} : { targeting };
}

function sameNames(a: readonly InstanceName[], b: readonly InstanceName[]): boolean {
  return a.length === b.length && a.every((name, index) => name === b[index]);
}

function recordCapacity(draft: Draft, routed: number): void {
  const deployment = running(draft.state);
  if (deployment === null) return;
  const { atStart, lowest } = deployment.capacity;
  patchDeployment(draft, { capacity: { atStart, lowest: Math.min(lowest, routed) } });
}
