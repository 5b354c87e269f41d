import { z } from "zod";
import type { EventStreamSpec } from "../core/event-streams.ts";

const ms = z
  .number()
  .int()
  .min(0)
  .max(7 * 86_400_000);

export const eventStreamSchema: z.ZodType<EventStreamSpec> = z.strictObject({ graceMs: ms, spreadMs: ms });
