import { z } from "zod";
import type { StatelessnessOutcome } from "../core/statelessness/outcome.ts";
import { journeyRequestSchema } from "./tasks.ts";

export const verifyStatelessSchema = z.strictObject({
  by: z.string().min(1).max(200),
  /** Of the journey. */
  name: z.string().min(1).max(10_000),
  /** Or how long live requests are recorded for it, in milliseconds. */
  requests: z.union([
    z.array(journeyRequestSchema).min(2).max(1_000).readonly(),
    z.strictObject({ recordMs: z.number().int().min(100).max(3_600_000) }),
  ]),
  timeoutMs: z.number().int().min(100).max(86_400_000),
  /** Instances are replaced on the way. */
  restart: z.boolean(),
});
export type VerifyStatelessRequest = z.infer<typeof verifyStatelessSchema>;

/** With the same in words. */
export interface StatelessnessAnswer extends StatelessnessOutcome {
  readonly summary: string;
  readonly details: readonly string[];
}
