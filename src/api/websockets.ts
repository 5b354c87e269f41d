import { z } from "zod";
import { CLOSE_CODES, type WebSocketSpec } from "../core/websockets.ts";

const ms = z
  .number()
  .int()
  .min(0)
  .max(7 * 86_400_000);

export const websocketSchema: z.ZodType<WebSocketSpec> = z.strictObject({
  graceMs: ms,
  spreadMs: ms,
  lingerMs: ms,
  closeCode: z.literal(CLOSE_CODES),
});
