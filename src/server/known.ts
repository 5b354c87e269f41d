import { HitlessError } from "../base/error.ts";
import type { AppState, Deployment } from "../core/state.ts";
import type { ServerContext } from "./context.ts";

const LATEST = 1_000;

/** @throws ERR_APP_UNKNOWN naming the known ones */
export function knownApp({ engine }: ServerContext, app: string): AppState {
  const state = engine.state(app);
  if (state !== null) return state;
  const known = engine.apps();
  throw new HitlessError({
    code: "ERR_APP_UNKNOWN",
    what: `The daemon knows no app ${app}.`,
    why: known.length === 0 ? "It knows none yet." : `It knows ${known.join(", ")}.`,
    next: "Deploy it with `hitless deploy`.",
  });
}

/** `latest` stands for the newest one. @throws ERR_DEPLOYMENT_UNKNOWN naming the newest ones */
export async function knownDeployment(context: ServerContext, app: string, name: string): Promise<Deployment> {
  knownApp(context, app);
  const deployments = await context.engine.deployments(app, LATEST);
  const found = name === "latest" ? deployments[0] : deployments.find((deployment) => deployment.name === name);
  if (found !== undefined) return found;
  const names = deployments.slice(0, 5).map((deployment) => deployment.name);
  throw new HitlessError({
    code: "ERR_DEPLOYMENT_UNKNOWN",
    what: name === "latest" ? `${app} has had no deployment yet.` : `${app} has no deployment ${name}.`,
    ...(names.length === 0 ? {} : { why: `The latest are ${names.join(", ")}.` }),
    next: "See all with `hitless history`.",
  });
}
