import { z } from "zod";
import { NOTIFIED, type NotificationSpec } from "../core/notification.ts";

const timeoutMs = z.number().int().min(100).max(3_600_000);

export const notificationsSchema: z.ZodType<readonly NotificationSpec[]> = z
  .array(
    z.strictObject({
      target: z.discriminatedUnion("kind", [
        z.strictObject({ kind: z.literal("webhook"), url: z.string().min(1), timeoutMs }),
        z.strictObject({
          kind: z.literal("command"),
          command: z.union([z.string().min(1), z.array(z.string()).min(1)]),
          timeoutMs,
        }),
      ]),
      events: z.array(z.enum(NOTIFIED)).min(1),
    }),
  )
  .max(20);
