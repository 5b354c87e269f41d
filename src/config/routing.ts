import { hash } from "node:crypto";
import { z } from "zod";
import { BALANCE_KINDS, type BalanceKind, type FieldMatch, type RoutingSpec } from "../core/routing.ts";
import { duration } from "./units.ts";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What the proxy reads itself, or takes out before a request is forwarded. */
const NOT_MATCHED =
  /^(?:host|content-length|transfer-encoding|connection|upgrade|expect|te|trailer|keep-alive|proxy-connection|proxy|cookie|forwarded|via|x-forwarded-.*)$/i;

const HOST =
  'expected a host name such as "shop.example.com" or "*.example.com" (one label in place of the star), without scheme and port';
const host = z
  .string({ error: HOST })
  .transform((name) => name.toLowerCase().replace(/\.$/, ""))
  .refine(
    (name) => /^(?:(?:\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*|\[[0-9a-f:.]+\])$/.test(name),
    {
      error: HOST,
    },
  );

const PATH = 'expected the beginning of a path such as "/api", in whole segments, without "..", "//", "*" and "?"';
export const urlPath = z
  .string({ error: PATH })
  .regex(/^\/[^\s?#*"<>\\^`{|}\u0080-\uffff]*$/, { error: PATH })
  .refine((value) => !/\/\.{0,2}(?:\/|$)/.test(value.replace(/\/$/, "")), { error: PATH })
  .transform((value) => value.replace(/\/$/, ""));

const VALUE = "expected the text that the value must be, or true for any value";
const value = z.union([z.string(), z.literal(true)], { error: VALUE });
const NAME = "expected the name of a field that is forwarded, not one of those that the proxy reads or sets itself";
export const headers = z.record(
  z
    .string()
    .regex(TOKEN, { error: NAME })
    .refine((name) => !NOT_MATCHED.test(name), { error: NAME }),
  value,
  { error: 'expected fields such as { "X-Beta": "1" }' },
);
export const cookies = z.record(z.string().regex(TOKEN, { error: "expected the name of a cookie" }), value, {
  error: 'expected cookies such as { beta: "1" }',
});

/** The keys of the configuration that say which requests are the app's. */
export const claimKeys = {
  hosts: z
    .array(host, { error: 'expected a list of host names such as ["shop.example.com"]' })
    .default([])
    .describe("Requests for these hosts only; `*.example.com` is every name with one label more. Default: every host."),
  paths: z
    .array(urlPath, { error: 'expected a list of paths such as ["/api"]' })
    .default([])
    .describe("Requests whose path begins with one of these only, byte for byte. Default: every path."),
  match: z
    .strictObject({
      headers: headers.default({}).describe("Fields that a request must have; true for any value."),
      cookies: cookies.default({}).describe("Cookies that a request must have; true for any value."),
    })
    .prefault({})
    .describe("Requests that have all of these only."),
};

/** Keys of `proxy`. */
export const balanceKeys = {
  balance: z
    .enum(BALANCE_KINDS, { error: `expected one of: ${BALANCE_KINDS.join(", ")}` })
    .default("round-robin")
    .describe(
      "How requests are shared out over instances: in turn, or to the one with fewer requests in flight of two drawn by lot.",
    ),
  slowStart: duration(0).default(0).describe("The time in which a new instance's share grows to the full one."),
  maxPerInstance: z
    .int({ error: "expected a whole number of requests" })
    .min(1, { error: "expected at least one request" })
    .max(1_000_000, { error: "expected at most 1000000 requests" })
    .optional()
    .describe("Requests in flight in one instance, over all workers; those beyond it wait as in `hold`. Default: any number."),
};

export const cookieName = z.string().regex(TOKEN, { error: "expected the name of a cookie" });
const fieldName = z
  .string()
  .regex(TOKEN, { error: NAME })
  .refine((name) => !NOT_MATCHED.test(name), { error: NAME });

const WORD = /^[\w-]+$/;
const COHORT_COOKIE = "hitless_cohort";
const COHORT = 'expected { by: "cookie" }, { by: "header", name: "X-User" } or { by: "ip" }';
/** The keys of the configuration that say which release a request gets while several are there. */
export const releaseKeys = {
  cohort: z
    .discriminatedUnion(
      "by",
      [
        z.strictObject({ by: z.literal("cookie"), name: cookieName.default(COHORT_COOKIE) }),
        z.strictObject({ by: z.literal("header"), name: fieldName }),
        z.strictObject({ by: z.literal("ip") }),
      ],
      { error: COHORT },
    )
    .optional()
    .describe("Keeps a client on one release while weights move: by a cookie that the proxy sets, a field, or its address."),
  skew: z
    .strictObject({
      headers: z
        .array(fieldName.regex(WORD, { error: NAME }), { error: 'expected a list of field names such as ["X-Hitless-Release"]' })
        .default(["X-Hitless-Release", "X-Deployment-Id"])
        .describe("Fields in which a request names the release of its page."),
      parameter: z
        .string()
        .regex(WORD, { error: "expected the name of a parameter" })
        .default("dpl")
        .describe("The parameter of a request's query in which it does."),
    })
    .optional()
    .describe("Requests of a page go to the release that has served the page, as long as it runs."),
  preview: z
    .strictObject({
      header: fieldName.default("X-Hitless-Preview"),
      cookie: cookieName.default("hitless_preview"),
      hosts: z
        .array(host, { error: 'expected a list of host names such as ["preview.shop.example.com"]' })
        .default([])
        .describe("Hosts that are for previews only."),
      secret: z
        .string({ error: "expected text" })
        .min(1, { error: "expected text" })
        .optional()
        .describe('What header or cookie must say; "env:NAME" takes the value of NAME. Default: the name of the release.'),
    })
    .optional()
    .describe("How to reach a release before it is active."),
};

interface ParsedRouting {
  readonly cohort?: z.output<typeof releaseKeys.cohort>;
  readonly skew?: z.output<typeof releaseKeys.skew>;
  readonly preview?: z.output<typeof releaseKeys.preview>;
  readonly hosts: readonly string[];
  readonly paths: readonly string[];
  readonly match: { readonly headers: Fields; readonly cookies: Fields };
  readonly proxy: { readonly balance: BalanceKind; readonly slowStart: number; readonly maxPerInstance?: number | undefined };
}

type Fields = Readonly<Record<string, string | true>>;

export function routingOf(config: ParsedRouting, previewSecret: string | null): RoutingSpec {
  const { hosts, paths, match, proxy, cohort, skew, preview } = config;
  const previewHosts = preview?.hosts ?? [];
  return {
    claim: {
      hosts: hosts.length === 0 ? [] : [...new Set([...hosts, ...previewHosts])],
      paths: [...new Set(paths)],
      headers: fieldsOf(match.headers),
      cookies: fieldsOf(match.cookies),
    },
    balance: { by: proxy.balance, slowStartMs: proxy.slowStart, maxPerInstance: proxy.maxPerInstance ?? null },
    cohort: cohort === undefined ? null : { by: cohort.by, name: "name" in cohort ? cohort.name : "" },
    ...(skew === undefined ? {} : { skew: { ...skew, cookie: cohort?.by === "cookie" ? cohort.name : COHORT_COOKIE } }),
    preview:
      preview === undefined
        ? null
        : {
            header: preview.header,
            cookie: preview.cookie,
            hosts: previewHosts,
            secretSha256: previewSecret === null ? null : hash("sha256", previewSecret, "hex"),
          },
  };
}

export function fieldsOf(fields: Fields): readonly FieldMatch[] {
  return Object.entries(fields).map(([name, wanted]) => ({ name, value: wanted === true ? null : wanted }));
}
