import { z } from "zod";
import { NOTIFIED, type NotificationSpec } from "../core/notification.ts";
import { command } from "./tasks/parts.ts";
import { duration } from "./units.ts";

const LONGEST_MS = 3_600_000;
const URL_TEXT = 'expected an address such as "https://hooks.example.com/x", or "env:NAME"';
const EVENTS = `expected a list of: ${NOTIFIED.join(", ")}`;

const more = {
  events: z
    .array(z.enum(NOTIFIED, { error: EVENTS }), { error: EVENTS })
    .min(1, { error: EVENTS })
    .default([...NOTIFIED])
    .describe("Of what is told. Default: of all."),
  timeout: duration(100, LONGEST_MS).default(10_000).describe("Of one attempt."),
};

const webhook = z
  .strictObject({
    webhook: z
      .string({ error: URL_TEXT })
      .refine((value) => /^env:[A-Za-z_]\w*$/.test(value) || (/^https?:\/\//.test(value) && URL.canParse(value)), {
        error: URL_TEXT,
      })
      .describe('Gets a POST with JSON; "env:NAME" takes the address from the environment of the release.'),
    ...more,
  })
  .describe("An HTTP receiver.");

const run = z
  .strictObject({ command, ...more })
  .describe("Run in the release's directory, with the notification as JSON in HITLESS_NOTIFICATION; exit code 0: it was told.");

const EXPECTED = 'expected a list of receivers such as { webhook: "env:WEBHOOK_URL" } or { command: "./tell" }';

export const notifications = z
  .array(
    z.union([webhook, run], {
      error: ({ input }) =>
        typeof input === "object" && input !== null && ("webhook" in input || "command" in input) ? undefined : EXPECTED,
    }),
    { error: EXPECTED },
  )
  .max(20)
  .default([])
  .describe("Who is told that a deployment has started, was promoted, went back, failed, or waits for a person.");

export function notificationsOf(parsed: z.output<typeof notifications>): readonly NotificationSpec[] {
  return parsed.map(({ events, timeout: timeoutMs, ...rest }) => ({
    target:
      "webhook" in rest
        ? { kind: "webhook", url: rest.webhook, timeoutMs }
        : { kind: "command", command: rest.command, timeoutMs },
    events,
  }));
}
