import { z } from "zod";
import { timeWindow, type TimeWindowSpec } from "../base/time-window.ts";
import type { FreezeWindow } from "../core/freeze.ts";

const minute = z.number().int().min(0).max(1_439);

const windowSchema: z.ZodType<TimeWindowSpec> = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("cron"), cron: z.string(), forMs: z.number().int().min(1), timeZone: z.string() }),
    z.strictObject({
      kind: z.literal("daily"),
      days: z.array(z.number().int().min(0).max(6)).min(1),
      from: minute,
      to: minute,
      timeZone: z.string(),
    }),
  ])
  .superRefine((spec, context) => {
    try {
      timeWindow(spec);
    } catch (error) {
      context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
    }
  });

export const freezeSchema: z.ZodType<readonly FreezeWindow[]> = z
  .array(z.strictObject({ name: z.string(), window: windowSchema }))
  .max(100);
