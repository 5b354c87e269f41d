import { z } from "zod";
import type { UpgradeRequest } from "../../api/proxy-control.ts";
import { proxySchema } from "../../api/app-spec.ts";
import { gateSchema } from "../../api/gate.ts";
import { errorPagesSchema } from "../../api/pages.ts";
import { routingSchema } from "../../api/routing.ts";
import { listenSchema, tlsSchema } from "../../api/tls.ts";
import { parseBody, type Call, type Route } from "../../api/transport/serve.ts";
import { NAME_PATTERN } from "../../base/names.ts";
import { PROTOCOLS } from "../../core/app-spec.ts";
import { PROXY_PROTOCOL_VERSIONS } from "../../core/forwarding.ts";
import type { RouteTable } from "../../core/routes.ts";
import { checkTls } from "../tls/check.ts";
import type { Holder } from "./holder.ts";
import type { Upgrade } from "./upgrade.ts";
import { probe } from "./probe.ts";

const ms = z.number().int().min(0);
const protocol = z.enum(PROTOCOLS);
const proxyProtocol = z.enum(PROXY_PROTOCOL_VERSIONS);
const health = z.strictObject({
  path: z.string().startsWith("/"),
  protocol: protocol.optional(),
  proxyProtocol: proxyProtocol.optional(),
  host: z.string().nullable(),
  intervalMs: ms.min(1),
  timeoutMs: ms.min(1),
  passes: z.number().int().min(1),
  failures: z.number().int().min(1),
});
const target = z.strictObject({
  instance: z.string().min(1),
  host: z.string().min(1),
  port: z.number().int().min(1).max(65_535),
  protocol: protocol.optional(),
  proxyProtocol: proxyProtocol.optional(),
  health: health.nullable(),
});
const table: z.ZodType<RouteTable> = z.strictObject({
  app: z.string().regex(NAME_PATTERN),
  epoch: z.number().int().min(0),
  revision: z.number().int().min(0),
  listen: listenSchema,
  tls: tlsSchema.nullable(),
  proxy: proxySchema,
  routing: routingSchema.optional(),
  errorPages: errorPagesSchema.optional(),
  gate: gateSchema.optional(),
  pools: z.array(
    z.strictObject({
      release: z.string().min(1),
      weight: z.number().min(0),
      preview: z.boolean().optional(),
      targets: z.array(target),
    }),
  ),
});
const removal = z.strictObject({ epoch: z.number().int().min(0) });
const drain = z.strictObject({ instances: z.array(z.string().min(1)), timeoutMs: ms, tunnelsMs: ms.optional() });
const probing = z.strictObject({ host: z.string().min(1), port: z.number().int().min(1).max(65_535), health });
const upgrade: z.ZodType<UpgradeRequest> = z.strictObject({
  program: z.strictObject({ command: z.string().min(1), args: z.array(z.string()), version: z.string().min(1) }),
  readyMs: ms.min(1),
  drainMs: ms,
});
const shutdown = z.strictObject({ drainMs: ms });

export interface ControlTargets {
  readonly holder: Holder;
  readonly upgrade: Upgrade;
  readonly onShutdown: (drainMs: number) => void;
}

/** The calls of `api/proxy-control` on a holder. */
export function controlRoutes({ holder, upgrade: upgrading, onShutdown }: ControlTargets): readonly Route[] {
  return [
    { method: "PUT", path: "/apps/:app/routes", handle: ({ body }) => holder.apply(parseBody(table, body)) },
    {
      method: "DELETE",
      path: "/apps/:app",
      handle: ({ params, body }) => holder.remove(params["app"] ?? "", parseBody(removal, body).epoch),
    },
    { method: "POST", path: "/apps/:app/drain", handle: (call) => drainCall(holder, call) },
    {
      method: "POST",
      path: "/apps/:app/quiet",
      handle: async ({ params, signal }) => ({ quiet: await holder.quiet(params["app"] ?? "", signal) }),
    },
    {
      method: "POST",
      path: "/tls/check",
      handle: async ({ body }) => ({ problems: await checkTls(parseBody(tlsSchema, body), Date.now()) }),
    },
    { method: "POST", path: "/probe", handle: ({ body, signal }) => probeCall(body, signal) },
    { method: "GET", path: "/apps/:app/ledger", handle: async (call) => ({ ledger: await ledgerCall(holder, call) }) },
    { method: "GET", path: "/metrics", handle: async () => ({ text: await holder.metrics() }) },
    { method: "GET", path: "/status", handle: () => holder.status() },
    {
      method: "POST",
      path: "/upgrade",
      handle: ({ body }) => upgrading.run(parseBody(upgrade, body)),
    },
    {
      method: "POST",
      path: "/shutdown",
      handle: ({ body }) => {
        onShutdown(parseBody(shutdown, body).drainMs);
      },
    },
  ];
}

function drainCall(holder: Holder, { params, body, signal }: Call): unknown {
  const { instances, timeoutMs, tunnelsMs } = parseBody(drain, body);
  const limits = { requestsMs: timeoutMs, tunnelsMs: tunnelsMs ?? timeoutMs };
  return holder.drain(params["app"] ?? "", instances, limits, signal);
}

function probeCall(body: unknown, signal: AbortSignal): unknown {
  const request = parseBody(probing, body);
  return probe(request, request.health, signal);
}

function ledgerCall(holder: Holder, { params, query }: Call): unknown {
  return holder.ledger(params["app"] ?? "", { at: numberOf(query.get("at")), slowestSince: numberOf(query.get("since")) });
}

function numberOf(text: string | null): number | null {
  return text === null ? null : Number(text);
}
