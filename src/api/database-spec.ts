import { z } from "zod";
import type { DatabaseSpec } from "../core/database-spec.ts";

export const databaseSchema: z.ZodType<DatabaseSpec> = z.strictObject({
  variable: z.string().regex(/^[A-Za-z_]\w*$/),
  directVariable: z
    .string()
    .regex(/^[A-Za-z_]\w*$/)
    .optional(),
  identity: z.enum(["options", "role"]).optional(),
  migrations: z.string().min(1).nullable(),
  procedures: z.string().min(1).nullable(),
  contractAfterMs: z
    .number()
    .int()
    .min(0)
    .max(365 * 86_400_000),
  softContractMs: z
    .number()
    .int()
    .min(0)
    .max(365 * 86_400_000)
    .optional(),
  lockTimeoutMs: z.number().int().min(1).max(10_000),
  lockPatienceMs: z.number().int().min(0).max(86_400_000),
  backfill: z
    .strictObject({ rise: z.number().min(0.01).max(100), query: z.string().min(1).nullable(), url: z.url().nullable() })
    .optional(),
  queries: z.string().min(1).optional(),
  shadowUrl: z.string().min(1).optional(),
});
