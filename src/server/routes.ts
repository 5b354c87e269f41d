import type { Route } from "../api/transport/serve.ts";
import type { ServerContext } from "./context.ts";
import { appRoutes } from "./routes/apps.ts";
import { deploymentRoutes } from "./routes/deployments.ts";
import { operationRoutes } from "./routes/operations.ts";
import { sessionMoveRoutes } from "./routes/session-moves.ts";
import { statelessnessRoutes } from "./routes/statelessness.ts";
import { stepRoutes } from "./routes/steps.ts";

/** Every call of `api/daemon`. */
export function daemonRoutes(context: ServerContext): readonly Route[] {
  return [
    ...appRoutes(context),
    ...deploymentRoutes(context),
    ...operationRoutes(context),
    ...stepRoutes(context),
    ...sessionMoveRoutes(context),
    ...statelessnessRoutes(context),
  ];
}
