import { z } from "zod";
import type { ForwardingSpec, ProxyProtocolSpec } from "../core/forwarding.ts";

const token = z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/);

export const forwardingSchema: z.ZodType<ForwardingSpec> = z.strictObject({
  trustedProxies: z.array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()])),
  forwarded: z.boolean(),
  via: token.nullable(),
  requestId: token,
});

export const proxyProtocolSchema: z.ZodType<ProxyProtocolSpec> = z.strictObject({ in: z.enum(["off", "require"]) });
