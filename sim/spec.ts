import type { AppSpec } from "../src/core/app-spec.ts";

/** A plain app of so many web instances, replaced by batches of the given size. */
export function simSpec(app: string, instances: number, batch: number): AppSpec {
  return {
    app,
    listen: { host: "127.0.0.1", port: 8080 },
    tls: null,
    processes: {
      web: {
        command: "run",
        instances,
        traffic: true,
        health: { path: "/up", host: null, intervalMs: 100, timeoutMs: 1_000, passes: 2, failures: 3 },
        readyAfterMs: 0,
        startDeadlineMs: 5_000,
        drainTimeoutMs: 2_000,
        stopSignal: "SIGTERM",
        stopGraceMs: 1_000,
      },
      worker: {
        command: "work",
        instances: 1,
        traffic: false,
        health: null,
        readyAfterMs: 100,
        startDeadlineMs: 5_000,
        drainTimeoutMs: 0,
        stopSignal: "SIGTERM",
        stopGraceMs: 1_000,
      },
    },
    rollout: { strategy: "rolling", batch: { kind: "count", count: batch } },
    proxy: { holdMs: 1_000, firstByteTimeoutMs: 10_000 },
    releasesKept: 3,
  };
}
