import { HitlessError, type Failure } from "../base/error.ts";
import type { Command } from "../core/command.ts";
import type { ProbeOutcome } from "../core/routes.ts";
import { unreadyFailure } from "../core/unready.ts";
import type { Clock } from "../ports/clock.ts";
import type { Fleet } from "../ports/fleet.ts";
import type { Traffic } from "../ports/traffic.ts";

type AwaitReady = Extract<Command, { kind: "instance.awaitReady" }>;

export interface ReadinessPorts {
  readonly clock: Clock;
  readonly traffic: Traffic;
  readonly fleet: Fleet;
}

/** An instance that does not listen yet is asked this often, so that a fast boot is seen at once. */
const REFUSED_RETRY_MS = 50;
const LOG_LINES = 20;

/**
 * Waits until the instance has passed its health check the given number of times in a row.
 * Gives null when it is ready, else why not. Rejects only when `signal` is aborted.
 */
export async function awaitReady(
  ports: ReadinessPorts,
  app: string,
  command: AwaitReady,
  signal: AbortSignal,
): Promise<Failure | null> {
  const { clock } = ports;
  if (command.health === null) {
    await clock.sleepUntil(clock.now() + command.readyAfterMs, signal);
    return null;
  }
  const { health, host, port } = command;
  let passes = 0;
  let last: ProbeOutcome | null = null;
  while (clock.now() < command.deadlineAt) {
    const begun = clock.now();
    const outcome = await probe(ports, command, signal);
    passes = outcome.kind === "pass" ? passes + 1 : 0;
    if (passes >= health.passes) return null;
    last = outcome;
    const refused = outcome.kind === "fail" && outcome.reason === "refused";
    await clock.sleepUntil(begun + (refused ? Math.min(REFUSED_RETRY_MS, health.intervalMs) : health.intervalMs), signal);
  }
  const logTail = await ports.fleet.logTail(app, command.instance, LOG_LINES);
  return unreadyFailure({ instance: command.instance, health, address: `${host}:${port}`, last, logTail });
}

/** A proxy that does not answer is no verdict on the instance; it will be back. */
async function probe(ports: ReadinessPorts, command: AwaitReady, signal: AbortSignal): Promise<ProbeOutcome> {
  if (command.health === null) return { kind: "pass", status: 0, ms: 0 };
  try {
    return await ports.traffic.probe(command, command.health, signal);
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof HitlessError ? error.failure.what : String(error);
    return { kind: "fail", reason: "unreachable", saw: why };
  }
}
