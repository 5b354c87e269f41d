import { z } from "zod";
import { DEFAULT_EVENT_STREAMS, type EventStreamSpec } from "../core/event-streams.ts";
import { duration } from "./units.ts";

/** The key `eventStreams` of the configuration. */
export const eventStreams = z
  .strictObject({
    grace: duration(0)
      .default(DEFAULT_EVENT_STREAMS.graceMs)
      .describe("How long event streams go on when their instance is replaced; less where the drain's limit comes sooner."),
    spread: duration(0)
      .default(DEFAULT_EVENT_STREAMS.spreadMs)
      .describe("Their ends are spread over so long, that clients do not come back all at once."),
  })
  .describe("What becomes of event streams (text/event-stream) when their instance is replaced.");

export function eventStreamsOf({ grace, spread }: z.output<typeof eventStreams>): EventStreamSpec {
  return { graceMs: grace, spreadMs: spread };
}
