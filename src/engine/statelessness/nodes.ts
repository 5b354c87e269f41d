import { HitlessError } from "../../base/error.ts";
import type { ReleaseName } from "../../base/names.ts";
import type { TargetReach, TargetTraffic } from "../../core/routes.ts";
import type { Traffic } from "../../ports/traffic.ts";
import type { Node } from "./node-walk.ts";

/**
 * The instances of a release that the proxy knows, by their own addresses: these can be reached from this machine alone, so that nothing has to
 * be opened for anybody.
 */
export async function nodesOf(traffic: Traffic, app: string, release: ReleaseName): Promise<readonly Node[]> {
  const { targets = [] } = (await traffic.present(app)) ?? {};
  const reached = targets.filter((target) => target.reached?.release === release && target.state === "up");
  if (reached.length === 0) {
    throw new HitlessError({
      code: "ERR_NOTHING_RUNNING",
      what: `The proxy has no instance of ${release} that is up.`,
      next: "See `hitless status`.",
    });
  }
  return reached.flatMap(nodeOf);
}

function nodeOf({ instance, reached }: TargetTraffic): readonly Node[] {
  if (reached === undefined) return [];
  const { host, port } = reached;
  if (isPlain(reached)) return [{ instance, host, port }];
  throw new HitlessError({
    code: "ERR_STATELESS_UNCLEAR",
    what: `${instance} cannot be asked directly.`,
    why: "It takes HTTP/2 alone, or a PROXY header before each connection.",
  });
}

function isPlain({ protocol = "http1", proxyProtocol }: TargetReach): boolean {
  return protocol !== "h2c" && proxyProtocol === undefined;
}
