import { z } from "zod";
import { TLS_VERSIONS, UNKNOWN_NAME } from "../core/tls.ts";
import { address } from "./address.ts";
import { duration } from "./units.ts";

const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";
const HSTS_MAX_AGE_DEFAULT_MS = 365 * 86_400_000;
const HSTS_MAX_AGE_MAX_MS = 10 * HSTS_MAX_AGE_DEFAULT_MS;

const LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?";
const HOST = new RegExp(`^(?:${LABEL}\\.)*${LABEL}$`);
const HOST_OR_WILDCARD = new RegExp(`^(?:\\*\\.)?(?:${LABEL}\\.)*${LABEL}$`);
const NAME = 'expected a host name in small letters such as "shop.example.com"';
const DOMAIN = `${NAME}, without a wildcard (an authority gives those only for a DNS challenge, which Hitless does not do)`;
const CERTIFICATES = 'expected a list such as [{ cert: "fullchain.pem", key: "privkey.pem" }]';
const HSTS = 'expected true, a value such as "max-age=31536000", or { maxAge: "365d", includeSubDomains: true, preload: true }';
const REDIRECT = "expected true, false, or { port: 443 }";
const TERMS = "expected true: the authority gives no certificate before its terms of service are agreed to";
const YES_OR_NO = "expected true or false";

const file = (expected: string) => z.string({ error: expected }).min(1, { error: expected });

const acme = z
  .strictObject({
    domains: z
      .array(z.string({ error: DOMAIN }).regex(HOST, { error: DOMAIN }), {
        error: 'expected a list such as ["shop.example.com"]',
      })
      .min(1, { error: "expected at least one domain" })
      .max(100, { error: "expected at most 100 domains" })
      .describe("Each gets a certificate of its own."),
    email: z
      .string({ error: "expected an e-mail address" })
      .regex(/^[^\s@]+@[^\s@]+$/, { error: "expected an e-mail address" })
      .optional()
      .describe("Where the authority writes to when something is wrong."),
    agreeToTerms: z.literal(true, { error: TERMS }).describe("You agree to the authority's terms of service."),
    directory: z
      .url({ protocol: /^https$/, error: 'expected an address such as "https://acme-v02.api.letsencrypt.org/directory"' })
      .default(LETS_ENCRYPT)
      .describe("The authority's ACME directory."),
    rootCertificates: file("expected a PEM file").optional().describe("The roots of a private authority, as a PEM file."),
  })
  .describe("Certificates are asked for and renewed by themselves (ACME: http-01, else tls-alpn-01).");

const hsts = z
  .union(
    [
      z.boolean(),
      z.string().regex(/^max-age=\d+(?:\s*;\s*(?:includeSubDomains|preload))*$/i, { error: HSTS }),
      z.strictObject({
        maxAge: duration(0, HSTS_MAX_AGE_MAX_MS).default(HSTS_MAX_AGE_DEFAULT_MS),
        includeSubDomains: z.boolean({ error: YES_OR_NO }).default(false),
        preload: z.boolean({ error: YES_OR_NO }).default(false),
      }),
    ],
    { error: HSTS },
  )
  .describe("Strict-Transport-Security of answers over TLS, where the application sends none itself.");

/** The `tls` part of a configuration. Problems of the files themselves are found by the proxy, which reads them. */
export const tls = z
  .strictObject({
    listen: address.prefault("0.0.0.0:443").describe("Where the proxy listens for HTTPS."),
    names: z
      .array(z.string({ error: NAME }).regex(HOST_OR_WILDCARD, { error: NAME }), {
        error: 'expected a list such as ["shop.example.com"]',
      })
      .default([])
      .describe("Names that must be covered by the certificates."),
    certificates: z
      .array(
        z.strictObject({
          cert: file("expected a PEM file").describe("The certificate and its chain, relative to this file."),
          key: file("expected a PEM file").describe("Its private key, relative to this file."),
        }),
        { error: CERTIFICATES },
      )
      .default([])
      .describe("Read again when they change."),
    acme: acme.optional(),
    redirect: z
      .union([z.boolean(), z.strictObject({ port: z.number().int().min(1).max(65_535) })], { error: REDIRECT })
      .default(true)
      .describe(
        "Plain requests are sent to HTTPS (308). `port`: where clients reach it, if that is not where the proxy listens.",
      ),
    hsts: hsts.optional(),
    minVersion: z.enum(TLS_VERSIONS, { error: `expected one of: ${TLS_VERSIONS.join(", ")}` }).default("TLSv1.2"),
    unknownName: z
      .enum(UNKNOWN_NAME, { error: `expected one of: ${UNKNOWN_NAME.join(", ")}` })
      .default("default")
      .describe("What a client gets that asks for a name without a certificate: the first one, or a fatal alert."),
  })
  .refine(({ certificates, acme }) => certificates.length > 0 || acme !== undefined, {
    error: "expected `certificates` or `acme`",
  })
  .describe("HTTPS.");

export type ParsedTls = z.output<typeof tls>;

/** The port that plain requests are sent to; null where they are served. */
export function redirectPort({ redirect, listen }: ParsedTls): number | null {
  if (typeof redirect === "object") return redirect.port;
  return redirect ? listen.port : null;
}

/** The value of the field (RFC 6797 section 6.1); null for none. */
export function hstsValue(value: ParsedTls["hsts"]): string | null {
  if (value === undefined || value === false) return null;
  if (typeof value === "string") return value;
  const { maxAge, includeSubDomains, preload } =
    value === true ? { maxAge: HSTS_MAX_AGE_DEFAULT_MS, includeSubDomains: false, preload: false } : value;
  return `max-age=${String(Math.floor(maxAge / 1000))}${includeSubDomains ? "; includeSubDomains" : ""}${preload ? "; preload" : ""}`;
}
