import { z } from "zod";
import { PROTOCOLS, type HealthSpec } from "../core/app-spec.ts";
import { PROXY_PROTOCOL_VERSIONS } from "../core/forwarding.ts";

const ms = z
  .number()
  .int()
  .max(7 * 86_400_000);

/** How an instance is checked, as a release says and as route tables carry it. */
export const healthSchema: z.ZodType<HealthSpec> = z.strictObject({
  path: z.string().regex(/^\/[\x21-\x7e]*$/),
  portVariable: z
    .string()
    .regex(/^[A-Za-z_]\w*$/)
    .optional(),
  tls: z.boolean().optional(),
  protocol: z.enum(PROTOCOLS).optional(),
  proxyProtocol: z.enum(PROXY_PROTOCOL_VERSIONS).optional(),
  host: z.string().nullable(),
  intervalMs: ms.min(1),
  timeoutMs: ms.min(1),
  passes: z.number().int().min(1).max(100),
  failures: z.number().int().min(1).max(100),
});
