import { z } from "zod";
import { ACCESS_LOG_FORMATS, type AccessLogSpec } from "../core/access-log.ts";

export const accessLogSchema: z.ZodType<AccessLogSpec> = z.strictObject({
  format: z.enum(ACCESS_LOG_FORMATS),
  path: z.string().regex(/^(?:\/|stdout$)/),
  sample: z.number().min(0).max(1),
  query: z.boolean(),
});
