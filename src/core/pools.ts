import type { ReleaseName } from "../base/names.ts";
import type { Protocol } from "./app-spec.ts";
import { running } from "./draft.ts";
import { all, specOf } from "./instances.ts";
import type { Pool, Target } from "./routes.ts";
import type { AppState, Instance } from "./state.ts";

/** How requests are shared out between the release that is coming and those that are there. */
interface Split {
  readonly release: ReleaseName;
  /** Of all requests, 0 to 100. */
  readonly percent: number;
}

/** One pool per release. Without a split it is weighted by its size, so that every target gets the same share; what is on standby gets nothing. */
export function poolsOf(state: AppState): readonly Pool[] {
  const byRelease = new Map<ReleaseName, Target[]>();
  for (const instance of routedInstances(state)) {
    const targets = byRelease.get(instance.release) ?? [];
    targets.push(target(state, instance));
    byRelease.set(instance.release, targets);
  }
  const split = splitOf(state, [...byRelease.keys()]);
  const others = [...byRelease].reduce((sum, [release, { length }]) => {
    return sum + (release === split?.release || isStandby(state, release) ? 0 : length);
  }, 0);
  return [...byRelease].map(([release, targets]) => ({
    release,
    ...weightOf(state, release, { targets, split, others }),
    targets,
  }));
}

export function routedInstances(state: AppState): readonly Instance[] {
  return all(state).filter((instance) => instance.routed);
}

/** What of a table beside the names of its targets makes it another one. */
export function weightsText(pools: readonly Pool[]): string {
  return pools.map(({ release, weight, preview }) => `${release}:${String(weight)}${preview === true ? "p" : ""}`).join(" ");
}

/** Targets that get requests. */
export function servingTargets(pools: readonly Pool[]): number {
  return pools.reduce((sum, { weight, targets }) => sum + (weight > 0 ? targets.length : 0), 0);
}

interface Around {
  readonly targets: readonly Target[];
  readonly split: Split | null;
  /** Targets of the pools that share what the split leaves. */
  readonly others: number;
}

function weightOf(state: AppState, release: ReleaseName, { targets, split, others }: Around): Pick<Pool, "weight" | "preview"> {
  const size = targets.length;
  if (split?.release === release) {
    if (split.percent === 0) return isStandby(state, release) ? { weight: 0 } : { weight: 0, preview: true };
    return { weight: split.percent === 100 || others === 0 ? size : split.percent * others };
  }
  if (isStandby(state, release)) return { weight: 0 };
  return { weight: split === null || split.percent === 0 ? size : (100 - split.percent) * size };
}

/** Nothing is shared out once the new side is the active one, nor while nothing of it serves. */
function splitOf(state: AppState, serving: readonly ReleaseName[]): Split | null {
  const deployment = running(state);
  if (deployment === null || deployment.share === undefined || deployment.to === null) return null;
  if (!serving.includes(deployment.to)) return null;
  return deployment.to === state.active && !state.suspended ? null : { release: deployment.to, percent: deployment.share };
}

function isStandby({ standby }: AppState, release: ReleaseName): boolean {
  return standby?.release === release;
}

function target(state: AppState, instance: Instance): Target {
  const spec = specOf(state, instance);
  return {
    instance: instance.name,
    host: instance.host ?? "",
    port: instance.port ?? 0,
    ...(instance.healthPort === undefined ? {} : { healthPort: instance.healthPort }),
    ...protocolOf(spec?.protocol),
    ...(spec?.proxyProtocol === undefined ? {} : { proxyProtocol: spec.proxyProtocol }),
    health: spec?.health ?? null,
  };
}

/** Said only where it is not the usual one, so that tables stay as they are. */
function protocolOf(protocol: Protocol | undefined): { protocol?: Protocol } {
  return protocol === undefined || protocol === "http1" ? {} : { protocol };
}
