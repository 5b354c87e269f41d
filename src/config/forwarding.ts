import { z } from "zod";
import type { ProxySpec } from "../core/app-spec.ts";
import { DEFAULT_FORWARDING } from "../core/forwarding.ts";

const RANGE = 'expected an address or a range such as "127.0.0.1", "10.0.0.0/8" or "fd00::/8"';
const VIA = 'expected a name such as "hitless", or false';
const FIELD = 'expected the name of a field such as "X-Request-ID", that the proxy does not use for anything else';
/** Of a field that has another meaning, the proxy must not take the value for an id. */
const TAKEN =
  /^(?:host|content-.*|transfer-encoding|connection|upgrade|expect|te|trailer|keep-alive|proxy-.*|cookie|authorization|forwarded|via|x-forwarded-.*)$/i;

/** The keys of the configuration that say how a request's way is told. */
export const forwardingKeys = {
  trustedProxies: z
    .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], { error: RANGE }), { error: `${RANGE}, in a list` })
    .default([])
    .describe(
      "Proxies in front of this one whose X-Forwarded-*, Forwarded and request id are kept. Everybody else's are replaced.",
    ),
  proxyProtocol: z
    .strictObject({
      in: z
        .enum(["off", "require"], { error: "expected one of: off, require" })
        .default("off")
        .describe("require: every connection begins with a header of the PROXY protocol (version 1 or 2), or is closed."),
    })
    .prefault({}),
  forwarding: z
    .strictObject({
      forwarded: z
        .boolean({ error: "expected true or false" })
        .default(DEFAULT_FORWARDING.forwarded)
        .describe("Sends the Forwarded field of RFC 7239 beside X-Forwarded-*."),
      via: z
        .union([z.string().regex(/^[\w.-]{1,64}$/, { error: VIA }), z.literal(false)], { error: VIA })
        .default(DEFAULT_FORWARDING.via ?? false)
        .describe("The proxy's name in the Via field of requests and answers; false: none."),
      requestId: z
        .string({ error: FIELD })
        .regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, { error: FIELD })
        .refine((name) => !TAKEN.test(name), { error: FIELD })
        .default(DEFAULT_FORWARDING.requestId)
        .describe("The field that carries the request's id."),
    })
    .prefault({}),
};

interface ParsedForwarding {
  readonly trustedProxies: readonly string[];
  readonly proxyProtocol: { readonly in: "off" | "require" };
  readonly forwarding: { readonly forwarded: boolean; readonly via: string | false; readonly requestId: string };
}

type Forwarding = Pick<ProxySpec, "forwarding" | "proxyProtocol">;

/** Said only where it is not the usual one. */
export function forwardingOf({ trustedProxies, forwarding, proxyProtocol }: ParsedForwarding): Forwarding {
  const { forwarded, via, requestId } = forwarding;
  const spec = { trustedProxies: [...new Set(trustedProxies)], forwarded, via: via === false ? null : via, requestId };
  return {
    ...(JSON.stringify(spec) === JSON.stringify(DEFAULT_FORWARDING) ? {} : { forwarding: spec }),
    ...(proxyProtocol.in === "off" ? {} : { proxyProtocol }),
  };
}
