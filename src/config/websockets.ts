import { z } from "zod";
import { CLOSE_CODES, DEFAULT_WEBSOCKETS, type WebSocketSpec } from "../core/websockets.ts";
import { duration } from "./units.ts";

/** The key `websockets` of the configuration. */
export const websockets = z
  .strictObject({
    grace: duration(0)
      .default(DEFAULT_WEBSOCKETS.graceMs)
      .describe("How long WebSockets go on when their instance is replaced; less where the drain's limit comes sooner."),
    spread: duration(0)
      .default(DEFAULT_WEBSOCKETS.spreadMs)
      .describe("Their closing is spread over so long, that clients do not come back all at once."),
    linger: duration(0)
      .default(DEFAULT_WEBSOCKETS.lingerMs)
      .describe("An old release keeps its WebSockets so long, even beyond drainTimeout; the deployment waits for it."),
    closeCode: z
      .literal(CLOSE_CODES, { error: `expected one of: ${CLOSE_CODES.join(", ")}` })
      .default(DEFAULT_WEBSOCKETS.closeCode)
      .describe("1012: service restart; 1001: going away."),
  })
  .describe("What becomes of WebSockets when their instance is replaced.");

export function websocketsOf({ grace, spread, linger, closeCode }: z.output<typeof websockets>): WebSocketSpec {
  return { graceMs: grace, spreadMs: spread, lingerMs: linger, closeCode };
}
