import { HitlessError } from "../../base/error.ts";
import type { StatelessnessOutcome } from "../../core/statelessness/outcome.ts";
import type { RecordedRequest } from "../../core/statelessness/recording.ts";
import type { AppState } from "../../core/state.ts";
import type { JourneyRequest } from "../../core/task.ts";
import type { Traffic } from "../../ports/traffic.ts";
import type { EngineControl } from "../control.ts";
import { mannerOf } from "./manner.ts";
import { nodesOf } from "./nodes.ts";
import type { WalkPorts } from "./node-walk.ts";
import { verifyRecorded } from "./verify-recorded.ts";
import { verifyStateless } from "./verify.ts";

export interface LiveVerification {
  readonly by: string;
  /** Or how long live requests are recorded for it, in milliseconds: nodes are not replaced then. */
  readonly requests: readonly JourneyRequest[] | { readonly recordMs: number };
  /** For all walks together. */
  readonly timeoutMs: number;
  /** Replaces the instances on the way, as `hitless restart` does. */
  readonly restart: boolean;
}

export interface LivePorts extends WalkPorts {
  readonly engine: EngineControl;
  readonly traffic: Traffic;
  /** Live requests, for this process' memory alone. */
  readonly record: (app: string, forMs: number, signal: AbortSignal) => Promise<readonly RecordedRequest[]>;
}

/** How long one look for news of the restart takes at most, in milliseconds. */
const NEWS_MS = 5_000;

/**
 * Walks over the instances of the active release.
 * @throws ERR_NOTHING_RUNNING, ERR_DEPLOYMENT_RUNNING, why the restart failed
 */
export async function verifyLive(
  ports: LivePorts,
  { app, active, deployment, releases }: AppState,
  { by, requests, timeoutMs, restart }: LiveVerification,
): Promise<StatelessnessOutcome> {
  const spec = releases[active ?? ""]?.spec;
  if (active === null || spec === undefined) {
    throw new HitlessError({ code: "ERR_NOTHING_RUNNING", what: `${app} has no active release.`, next: "Deploy it first." });
  }
  if (deployment?.outcome === null) {
    throw new HitlessError({
      code: "ERR_DEPLOYMENT_RUNNING",
      what: `${deployment.name} changes the instances of ${app} just now.`,
      next: "Try again when it is over.",
    });
  }
  const manner = mannerOf(spec);
  if ("recordMs" in requests) {
    const recorded = await ports.record(app, requests.recordMs, ports.signal);
    return verifyRecorded(ports, recorded, { manner, nodes: await nodesOf(ports.traffic, app, active), timeoutMs });
  }
  const nodes = await nodesOf(ports.traffic, app, active);
  const replace = async (): ReturnType<typeof nodesOf> => {
    await restarted(ports, app, by);
    return nodesOf(ports.traffic, app, active);
  };
  return verifyStateless(ports, { requests, manner, nodes, replace: restart ? replace : null, timeoutMs });
}

/** The engine's own replacement: a new instance serves before an old one goes. */
async function restarted({ engine, signal }: LivePorts, app: string, by: string): Promise<void> {
  const name = await engine.request(app, { kind: "restart.requested", by });
  for (let seen = 0; ;) {
    signal.throwIfAborted();
    const notes = await engine.notes(app, name, seen, NEWS_MS);
    seen = notes.at(-1)?.seq ?? seen;
    const fault = engine.fault(app);
    if (fault !== null) throw new HitlessError(fault);
    const deployment = engine.state(app)?.deployment;
    if (deployment?.name === name && deployment.outcome === null) continue;
    if (deployment?.name === name && deployment.outcome !== "done" && deployment.failure !== null)
      throw new HitlessError(deployment.failure);
    return;
  }
}
