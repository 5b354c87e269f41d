import { z } from "zod";
import { BUSY_POLICIES, STRATEGIES, type Batch, type RolloutSpec } from "../core/app-spec.ts";
import { cookies, fieldsOf, headers } from "./routing.ts";
import { duration } from "./units.ts";

const BATCH = 'expected a number of instances such as 1, or a share such as "25%"';
const batch = z
  .union([z.number(), z.string().regex(/^(?:100|[1-9]\d?)%$/, { error: BATCH })], { error: BATCH })
  .transform((value): Batch =>
    typeof value === "number" ? { kind: "count", count: value } : { kind: "percent", percent: parseInt(value, 10) },
  )
  .refine((value) => value.kind === "percent" || (Number.isInteger(value.count) && value.count >= 1), { error: BATCH })
  .describe("How many instances are replaced at a time.");

const AMOUNT = 'expected a number of instances such as 1, or a share such as "25%"; 0 is none';
const amount = z
  .union([z.int({ error: AMOUNT }).min(0, { error: AMOUNT }), z.string().regex(/^(?:100|[1-9]?\d)%$/, { error: AMOUNT })], {
    error: AMOUNT,
  })
  .transform((value): Batch =>
    typeof value === "number" ? { kind: "count", count: value } : { kind: "percent", percent: parseInt(value, 10) },
  );

const WINDOW_MAX_MS = 7 * 86_400_000;
const PROMOTE = 'expected "auto", "manual", or a time such as "10m" after which it is promoted by itself';

const WAIT = 'expected a time such as "10m", or "manual": until `hitless promote`';
const wait = z.union([z.literal("manual"), duration(0, WINDOW_MAX_MS)], { error: WAIT });
const WEIGHT = "expected a whole number of percent from 0 to 99";
const step = z.strictObject({
  weight: z
    .int({ error: WEIGHT })
    .min(0, { error: WEIGHT })
    .max(99, { error: WEIGHT })
    .describe("Percent of the requests. 0: previews and `targeting` only."),
  for: wait.default("manual").describe('How long it stays so; "manual": until `hitless promote`.'),
});
const RANGE = "expected an IP address such as 192.0.2.7, or a range such as 10.0.0.0/8";

const targeting = z
  .strictObject({
    headers: headers.default({}).describe("Requests with one of these fields; true for any value."),
    cookies: cookies.default({}).describe("Requests with one of these cookies; true for any value."),
    addresses: z
      .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], { error: RANGE }), { error: `expected a list: ${RANGE}` })
      .max(1_000)
      .default([])
      .describe("Requests of clients from here."),
  })
  .describe("Canary: these get the new release whatever its weight is.");

/** How the instances of a release are replaced by those of the next one. */
export const rollout = z
  .strictObject({
    strategy: z.enum(STRATEGIES, { error: `expected one of: ${STRATEGIES.join(", ")}` }).default("rolling"),
    batch: batch.default({ kind: "percent", percent: 25 }),
    whenBusy: z
      .enum(BUSY_POLICIES, { error: `expected one of: ${BUSY_POLICIES.join(", ")}` })
      .default("refuse")
      .describe("A deployment while one runs: it is refused, waits for its turn, or the running one goes back for it."),
    surge: amount
      .optional()
      .describe("Rolling: how many more instances than there should be, at most. Default: as many as a batch."),
    maxUnavailable: amount
      .default({ kind: "count", count: 0 })
      .describe("Rolling: how many fewer instances than there should be, at most."),
    pause: duration(0, WINDOW_MAX_MS).default(0).describe("Rolling: from one batch to the next."),
    afterFirst: wait.optional().describe("Rolling: how long the first batch serves before the next one. Default: as `pause`."),
    steps: z
      .array(step, { error: 'expected a list of steps such as [{ weight: 10, for: "5m" }]' })
      .min(1, { error: "expected at least one step" })
      .max(100)
      .default([
        { weight: 10, for: 60_000 },
        { weight: 50, for: 60_000 },
      ])
      .describe("Canary: what part of the requests the new release gets, one step after the other, before it gets all."),
    targeting: targeting.optional(),
    bake: duration(0, WINDOW_MAX_MS)
      .optional()
      .describe(
        "How long the new release has all of the requests, and is watched, before it is promoted. Default: 10s where the default gate watches, except by `rolling`.",
      ),
    autoRollback: z
      .boolean({ error: "expected true or false" })
      .default(true)
      .describe("What a check or a gate fails goes back by itself. false: the deployment pauses until an operator decides."),
    promote: z
      .union([z.enum(["auto", "manual"]), duration(1_000, WINDOW_MAX_MS)], { error: PROMOTE })
      .default("auto")
      .describe("Blue-green: when the new side becomes the active one: as soon as it is ready, when told to, or after a time."),
    standby: duration(0, WINDOW_MAX_MS)
      .default(600_000)
      .describe(
        "How long the old instances are kept running for `hitless rollback`, except by `rolling`. 0: they are stopped at once.",
      ),
  })
  .refine(({ surge, maxUnavailable }) => !isNone(surge) || !isNone(maxUnavailable), {
    path: ["surge"],
    error: "with `surge` 0 some instances must be missing for a while: `maxUnavailable` cannot be 0 too",
  })
  .prefault({})
  .describe("How instances are replaced.");

function isNone(amountOf: Batch | undefined): boolean {
  return amountOf !== undefined && (amountOf.kind === "count" ? amountOf.count : amountOf.percent) === 0;
}

function waitOf(value: number | "manual"): number | null {
  return value === "manual" ? null : value;
}

export function rolloutOf(config: z.output<typeof rollout>): RolloutSpec {
  const {
    strategy,
    batch: size,
    whenBusy,
    surge,
    maxUnavailable,
    pause,
    afterFirst,
    steps,
    targeting: who,
    promote,
    standby,
    bake,
    autoRollback,
  } = config;
  return {
    strategy,
    batch: size,
    ...(whenBusy === "refuse" ? {} : { whenBusy }),
    ...(surge === undefined ? {} : { surge }),
    ...(isNone(maxUnavailable) ? {} : { maxUnavailable }),
    ...(pause === 0 ? {} : { pauseMs: pause }),
    ...(afterFirst === undefined ? {} : { firstPauseMs: waitOf(afterFirst) }),
    steps: steps.map(({ weight, for: time }) => ({ weight, waitMs: waitOf(time) })),
    ...(who === undefined
      ? {}
      : { targeting: { headers: fieldsOf(who.headers), cookies: fieldsOf(who.cookies), addresses: who.addresses } }),
    ...(bake === undefined ? {} : { bakeMs: bake }),
    ...(autoRollback ? {} : { autoRollback }),
    promoteAfterMs: promote === "auto" ? 0 : promote === "manual" ? null : promote,
    standbyMs: standby,
  };
}
