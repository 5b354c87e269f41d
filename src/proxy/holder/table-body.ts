import { z } from "zod";
import { proxySchema } from "../../api/app-spec.ts";
import { assetSourceSchema } from "../../api/assets.ts";
import { gateSchema } from "../../api/gate.ts";
import { healthSchema } from "../../api/health.ts";
import { errorPagesSchema } from "../../api/pages.ts";
import { routingSchema, targetingSchema } from "../../api/routing.ts";
import { listenSchema, tlsSchema } from "../../api/tls.ts";
import { parseBody } from "../../api/transport/serve.ts";
import { NAME_PATTERN } from "../../base/names.ts";
import { PROTOCOLS } from "../../core/app-spec.ts";
import { PROXY_PROTOCOL_VERSIONS } from "../../core/forwarding.ts";
import type { Pool, RouteTable } from "../../core/routes.ts";
import { changed, changeSince } from "../table-change.ts";

const port = z.number().int().min(1).max(65_535);

const target = z.strictObject({
  instance: z.string().min(1),
  host: z.string().min(1),
  port,
  healthPort: port.optional(),
  protocol: z.enum(PROTOCOLS).optional(),
  proxyProtocol: z.enum(PROXY_PROTOCOL_VERSIONS).optional(),
  health: healthSchema.nullable(),
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
  assets: z.array(assetSourceSchema).optional(),
  targeting: targetingSchema.optional(),
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

/** Checks a table that was sent; the targets of the present one were checked when they came, and are taken from there. */
export function parseTable(body: unknown, present: RouteTable | undefined): RouteTable {
  if (present === undefined || !hasPools(body)) return parseBody(table, body);
  const { pieces, table: rest } = changeSince(present, body);
  const checked = table.safeParse(rest);
  // The whole body says in which places the problems are.
  return checked.success ? changed(present, { pieces, table: checked.data }) : parseBody(table, body);
}

/** As much as can be said without a look at every target. */
function hasPools(body: unknown): body is RouteTable {
  const pools = (body as Partial<RouteTable> | null)?.pools as unknown;
  return Array.isArray(pools) && pools.every((pool: Partial<Pool> | null) => Array.isArray(pool?.targets));
}
