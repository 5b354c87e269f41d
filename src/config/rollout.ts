import { z } from "zod";
import { STRATEGIES, type Batch, type RolloutSpec } from "../core/app-spec.ts";
import { duration } from "./units.ts";

const BATCH = 'expected a number of instances such as 1, or a share such as "25%"';
const batch = z
  .union([z.number(), z.string().regex(/^(?:100|[1-9]\d?)%$/, { error: BATCH })], { error: BATCH })
  .transform((value): Batch =>
    typeof value === "number" ? { kind: "count", count: value } : { kind: "percent", percent: parseInt(value, 10) },
  )
  .refine((value) => value.kind === "percent" || (Number.isInteger(value.count) && value.count >= 1), { error: BATCH })
  .describe("How many instances are replaced at a time.");

const WINDOW_MAX_MS = 7 * 86_400_000;
const PROMOTE = 'expected "auto", "manual", or a time such as "10m" after which it is promoted by itself';

/** How the instances of a release are replaced by those of the next one. */
export const rollout = z
  .strictObject({
    strategy: z.enum(STRATEGIES, { error: `expected one of: ${STRATEGIES.join(", ")}` }).default("rolling"),
    batch: batch.default({ kind: "percent", percent: 25 }),
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
  .prefault({})
  .describe("How instances are replaced.");

export function rolloutOf({ strategy, batch: size, promote, standby }: z.output<typeof rollout>): RolloutSpec {
  return {
    strategy,
    batch: size,
    promoteAfterMs: promote === "auto" ? 0 : promote === "manual" ? null : promote,
    standbyMs: standby,
  };
}
