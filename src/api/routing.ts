import { z } from "zod";
import type { Targeting } from "../core/routes.ts";
import {
  BALANCE_KINDS,
  COHORT_KINDS,
  type BalanceSpec,
  type Claim,
  type CohortSpec,
  type FieldMatch,
  type PreviewSpec,
  type RoutingSpec,
  type SkewSpec,
} from "../core/routing.ts";

export const fieldMatchSchema: z.ZodType<FieldMatch> = z.strictObject({ name: z.string().min(1), value: z.string().nullable() });

export const addressRange = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]);

const claimSchema: z.ZodType<Claim> = z.strictObject({
  hosts: z.array(z.string().min(1).max(255)).max(1_000),
  paths: z.array(z.string().startsWith("/").or(z.literal(""))).max(1_000),
  headers: z.array(fieldMatchSchema).max(100),
  cookies: z.array(fieldMatchSchema).max(100),
});

const balanceSchema: z.ZodType<BalanceSpec> = z.strictObject({
  by: z.enum(BALANCE_KINDS),
  slowStartMs: z.number().int().min(0),
  maxPerInstance: z.number().int().min(1).nullable(),
});

const cohortSchema: z.ZodType<CohortSpec> = z.strictObject({ by: z.enum(COHORT_KINDS), name: z.string() });

const skewSchema: z.ZodType<SkewSpec> = z.strictObject({
  headers: z.array(z.string().regex(/^[\w-]+$/)),
  parameter: z.string().regex(/^[\w-]+$/),
  cookie: z.string().min(1),
});

const previewSchema: z.ZodType<PreviewSpec> = z.strictObject({
  header: z.string().min(1),
  cookie: z.string().min(1),
  hosts: z.array(z.string().min(1)),
  secretSha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  keySha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
});

/** Addresses are checked where the configuration is read; the proxy takes no others. */
export const targetingFields = {
  headers: z.array(fieldMatchSchema).max(100),
  cookies: z.array(fieldMatchSchema).max(100),
  addresses: z.array(addressRange).max(1_000),
};

export const targetingSchema: z.ZodType<Targeting> = z.strictObject({ release: z.string().min(1), ...targetingFields });

export const routingSchema: z.ZodType<RoutingSpec> = z.strictObject({
  claim: claimSchema,
  balance: balanceSchema.optional(),
  cohort: cohortSchema.nullish(),
  skew: skewSchema.nullish(),
  preview: previewSchema.nullish(),
});
