import { DEFAULT_EVENT_STREAMS, type EventStreamSpec } from "../../core/event-streams.ts";
import { closingWindow, DEFAULT_WEBSOCKETS, type WebSocketSpec } from "../../core/websockets.ts";
import type { LiveTarget } from "./live-target.ts";

/** Closes the WebSockets of the targets one after the other, evenly over their window; those that come to be later at once. */
export function closeTunnels(targets: readonly LiveTarget[], limitMs: number, spec: WebSocketSpec = DEFAULT_WEBSOCKETS): void {
  const { fromMs, toMs } = closingWindow(spec, limitMs);
  const from = Date.now() + fromMs;
  const tunnels = targets.flatMap((target) => target.tunnels);
  for (const target of targets) target.closeLate(from, spec.closeCode);
  for (const [index, tunnel] of tunnels.entries()) {
    tunnel.closeAt(from + ((toMs - fromMs) * index) / tunnels.length, spec.closeCode);
  }
}

/** The same for their event streams. */
export function endStreams(targets: readonly LiveTarget[], limitMs: number, spec: EventStreamSpec = DEFAULT_EVENT_STREAMS): void {
  const { fromMs, toMs } = closingWindow(spec, limitMs);
  const from = Date.now() + fromMs;
  const streams = targets.flatMap((target) => target.streams);
  for (const target of targets) target.endStreamsLate(from);
  for (const [index, stream] of streams.entries()) stream.closeAt(from + ((toMs - fromMs) * index) / streams.length);
}
