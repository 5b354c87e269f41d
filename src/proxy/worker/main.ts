import type { HolderMessage } from "../messages.ts";
import { Worker } from "./worker.ts";

/** A worker that has lost its holder cannot be told anything any more: it finishes its clients and ends. */
const ORPHAN_DRAIN_MS = 30_000;

const worker = new Worker({
  send: (message) => {
    if (process.connected) process.send?.(message);
  },
  exit: () => {
    process.exit(0);
  },
});

process.on("message", (message: HolderMessage, handle: unknown) => {
  worker.take(message, handle);
});
process.on("disconnect", () => {
  worker.shutdown(ORPHAN_DRAIN_MS, "end");
});
// Signals are for the holder, which tells its workers; a terminal sends them to the whole group.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => undefined);
