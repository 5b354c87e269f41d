import type { InstanceName, ReleaseName } from "../base/names.ts";
import { specOf } from "./instances.ts";
import type { AppState, Instance } from "./state.ts";
import { DEFAULT_WEBSOCKETS, tunnelLimitMs, type WebSocketSpec } from "./websockets.ts";

interface Drain {
  readonly instances: readonly InstanceName[];
  readonly timeoutMs: number;
  readonly tunnelsMs?: number | undefined;
}

/** How long the drain of these may take: as the most patient of them says. */
export function drainLimits(state: AppState, draining: readonly Instance[]): Drain {
  const timeoutMs = Math.max(...draining.map((instance) => specOf(state, instance)?.drainTimeoutMs ?? 0));
  const tunnelsMs = Math.max(...draining.map(({ release }) => tunnelLimitMs(websocketsOf(state, release), timeoutMs)));
  return {
    instances: draining.map((instance) => instance.name),
    timeoutMs,
    ...(tunnelsMs > timeoutMs ? { tunnelsMs } : {}),
  };
}

function websocketsOf(state: AppState, release: ReleaseName): WebSocketSpec {
  return state.releases[release]?.spec.proxy.websockets ?? DEFAULT_WEBSOCKETS;
}
