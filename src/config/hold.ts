import { z } from "zod";
import type { ProxySpec } from "../core/app-spec.ts";
import { duration, size } from "./units.ts";

const REQUESTS = "expected a whole number from 1 to 100000";

const details = z.strictObject({
  time: duration(0).default(10_000).describe("How long a request waits for a usable instance before 503. 0 turns waiting off."),
  requests: z
    .number({ error: REQUESTS })
    .int({ error: REQUESTS })
    .min(1, { error: REQUESTS })
    .max(100_000, { error: REQUESTS })
    .default(10_000)
    .describe("So many may wait in one worker of the proxy; the next one gets 503 at once."),
  bytes: size(65_536).default(67_108_864).describe("So much of them, heads and bodies, is kept in one worker of the proxy."),
});

/** The time alone, or all bounds. */
export const hold = z
  .union([duration(0).transform((time) => details.parse({ time })), details])
  .describe("Requests wait while no instance can take them.");

export function holdOf({
  time,
  requests,
  bytes,
}: z.output<typeof hold>): Pick<ProxySpec, "holdMs" | "holdRequests" | "holdBytes"> {
  return { holdMs: time, holdRequests: requests, holdBytes: bytes };
}
