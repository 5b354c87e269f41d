import { expect, test } from "vitest";
import { notificationsSchema } from "../../../src/api/notifications.ts";
import { HitlessError } from "../../../src/base/error.ts";
import { parseConfig } from "../../../src/config/load.ts";
import { notificationsOf } from "../../../src/config/notifications.ts";
import { NOTIFIED } from "../../../src/core/notification.ts";

function parsed(notifications: unknown): ReturnType<typeof notificationsOf> {
  const config = { app: "shop", listen: 8080, processes: { web: { command: "node server.js" } }, notifications };
  return notificationsOf(parseConfig(config, "hitless.config.json").notifications);
}

test("webhooks and commands come to what the daemon accepts", () => {
  const found = parsed([{ webhook: "env:HOOK" }, { command: ["./tell", "ops"], events: ["failed", "paused"], timeout: "30s" }]);
  expect(found).toEqual([
    { target: { kind: "webhook", url: "env:HOOK", timeoutMs: 10_000 }, events: NOTIFIED },
    { target: { kind: "command", command: ["./tell", "ops"], timeoutMs: 30_000 }, events: ["failed", "paused"] },
  ]);
  expect(notificationsSchema.parse(found)).toEqual(found);
});

test("what is wrong is told all at once", () => {
  try {
    parsed([{ webhook: "hooks.example.com" }, { command: "tell", events: ["success"] }, { mail: "a@b" }]);
    expect.unreachable();
  } catch (error) {
    expect(error instanceof HitlessError && error.failure.details).toEqual([
      expect.stringMatching(/^notifications\[0\]\.webhook: found "hooks\.example\.com", expected an address/),
      expect.stringMatching(/^notifications\[1\]\.events\[0\]: found "success", expected a list of: started/),
      expect.stringMatching(/^notifications\[2\]/),
    ]);
  }
});
