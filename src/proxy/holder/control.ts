import { z } from "zod";
import type { UpgradeRequest } from "../../api/proxy-control.ts";
import { tlsSchema } from "../../api/tls.ts";
import { parseBody, type Call, type Route } from "../../api/transport/serve.ts";
import type { MirrorRequest } from "../../core/judging/mirror.ts";
import { checkTls } from "../tls/check.ts";
import type { Holder } from "./holder.ts";
import type { Upgrade } from "./upgrade.ts";
import { probe } from "./probe.ts";
import { healthSchema } from "../../api/health.ts";
import { parseTable } from "./table-body.ts";

const ms = z.number().int().min(0);
const removal = z.strictObject({ epoch: z.number().int().min(0) });
const drain = z.strictObject({ instances: z.array(z.string().min(1)), timeoutMs: ms, tunnelsMs: ms.optional() });
const mirroring: z.ZodType<MirrorRequest> = z.strictObject({
  release: z.string().min(1),
  percent: z.number().gt(0).max(100),
  compareBody: z.boolean(),
  forMs: ms,
});
const recording = z.strictObject({ forMs: ms });
const probing = z.strictObject({ host: z.string().min(1), port: z.number().int().min(1).max(65_535), health: healthSchema });
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
    {
      method: "PUT",
      path: "/apps/:app/routes",
      handle: ({ params, body }) => holder.apply(parseTable(body, holder.table(params["app"] ?? ""))),
    },
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
      path: "/apps/:app/mirror",
      handle: async ({ params, body, signal }) => ({
        figures: await holder.mirror(params["app"] ?? "", parseBody(mirroring, body), signal),
      }),
    },
    {
      method: "POST",
      path: "/apps/:app/record",
      handle: async ({ params, body, signal }) => ({
        requests: await holder.record(params["app"] ?? "", parseBody(recording, body).forMs, signal),
      }),
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
