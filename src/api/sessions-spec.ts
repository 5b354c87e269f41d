import { z } from "zod";
import { FSYNC_POLICIES, type SessionsSpec } from "../core/sessions-spec.ts";

export const sessionsSchema: z.ZodType<SessionsSpec> = z.strictObject({
  server: z
    .strictObject({
      memoryBytes: z
        .number()
        .int()
        .min(2 ** 20)
        .max(2 ** 40),
      fsync: z.enum(FSYNC_POLICIES),
      aspNet: z.strictObject({ host: z.string(), port: z.number().int().min(1).max(65_535) }).optional(),
    })
    .optional(),
  variable: z
    .string()
    .regex(/^[A-Za-z_]\w*$/)
    .optional(),
});
