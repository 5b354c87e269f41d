import {
  maintenanceRequestSchema,
  operatorSchema,
  pauseRequestSchema,
  promoteRequestSchema,
  retryRequestSchema,
  rollbackRequestSchema,
  scaleRequestSchema,
  shutdownRequestSchema,
  upgradeProxySchema,
} from "../../api/daemon.ts";
import { parseBody, type Call, type Route } from "../../api/transport/serve.ts";
import type { OperatorEvent } from "../../engine/control.ts";
import type { ServerContext } from "../context.ts";
import { knownApp } from "../known.ts";

/** What an operator asks of an app, and of the daemon itself. */
export function operationRoutes(context: ServerContext): readonly Route[] {
  const on = (name: string, eventOf: (body: unknown) => OperatorEvent): Route => ({
    method: "POST",
    path: `/v1/apps/:app/${name}`,
    handle: ({ params, body }: Call) => request(context, params["app"] ?? "", eventOf(body)),
  });
  return [
    on("rollback", (body) => ({ kind: "rollback.requested", ...parseBody(rollbackRequestSchema, body) })),
    on("restart", (body) => ({ kind: "restart.requested", ...parseBody(operatorSchema, body) })),
    on("scale", (body) => ({ kind: "scale.requested", ...parseBody(scaleRequestSchema, body) })),
    on("abort", (body) => ({ kind: "abort.requested", ...parseBody(operatorSchema, body) })),
    on("queue/clear", (body) => ({ kind: "queue.clear.requested", ...parseBody(operatorSchema, body) })),
    on("promote", (body) => ({ kind: "promote.requested", ...parseBody(promoteRequestSchema, body) })),
    on("rollout/pause", (body) => ({ kind: "halt.requested", ...parseBody(operatorSchema, body) })),
    on("rollout/resume", (body) => ({ kind: "continue.requested", ...parseBody(operatorSchema, body) })),
    on("rollout/retry", (body) => ({ kind: "retry.requested", ...parseBody(retryRequestSchema, body) })),
    on("suspend", (body) => ({ kind: "suspend.requested", ...parseBody(operatorSchema, body) })),
    on("resume", (body) => ({ kind: "resume.requested", ...parseBody(operatorSchema, body) })),
    on("pause", (body) => ({ kind: "pause.requested", ...parseBody(pauseRequestSchema, body) })),
    on("unpause", (body) => ({ kind: "unpause.requested", ...parseBody(operatorSchema, body) })),
    on("maintenance", (body) => ({ kind: "maintenance.requested", ...parseBody(maintenanceRequestSchema, body) })),
    { method: "GET", path: "/v1/daemon", handle: () => context.info() },
    { method: "GET", path: "/v1/daemon/proxy", handle: () => context.proxy.status() },
    { method: "GET", path: "/v1/daemon/proxy/metrics", handle: async () => ({ text: await context.proxy.metrics() }) },
    { method: "POST", path: "/v1/daemon/proxy/upgrade", handle: ({ body }) => upgradeProxy(context, body) },
    {
      method: "POST",
      path: "/v1/daemon/shutdown",
      handle: ({ body }) => context.shutdown(parseBody(shutdownRequestSchema, body)),
    },
  ];
}

function upgradeProxy({ proxy, log }: ServerContext, body: unknown): Promise<unknown> {
  const { by, drainMs } = parseBody(upgradeProxySchema, body);
  log.info("an upgrade of the proxy was asked for", { by });
  return proxy.upgrade(drainMs);
}

async function request(context: ServerContext, app: string, event: OperatorEvent): Promise<unknown> {
  context.sessionMoves.admitRequest(knownApp(context, app), event);
  return { deployment: await context.engine.request(app, event) };
}
