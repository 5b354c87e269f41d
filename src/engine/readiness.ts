import { HitlessError, type Failure } from "../base/error.ts";
import type { HealthSpec } from "../core/app-spec.ts";
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
  const answered = new AbortController();
  try {
    const { deadlineAt, afterMs = Infinity } = command;
    const isOver = deadline(clock, Math.min(deadlineAt, clock.now() + afterMs), AbortSignal.any([signal, answered.signal]));
    const last = await untilPassed(ports, { ...command, health }, isOver, signal);
    if (last === PASSED) return null;
    const logTail = await ports.fleet.logTail(app, command.instance, LOG_LINES);
    return unreadyFailure({ instance: command.instance, health, address: `${host}:${port}`, last, logTail });
  } finally {
    answered.abort();
  }
}

/** A wall clock that is set meanwhile makes the time neither shorter nor longer. */
function deadline(clock: Clock, at: number, signal: AbortSignal): () => boolean {
  let over = false;
  const set = (): void => {
    over = true;
  };
  clock.sleepUntil(at, signal).then(set, () => undefined);
  return () => over;
}

const PASSED = Symbol("passed");

/** Gives what the last check saw if the time was over before enough of them passed. */
async function untilPassed(
  ports: ReadinessPorts,
  command: AwaitReady & { readonly health: HealthSpec },
  isOver: () => boolean,
  signal: AbortSignal,
): Promise<typeof PASSED | ProbeOutcome | null> {
  const { clock } = ports;
  const { health } = command;
  let last: ProbeOutcome | null = null;
  for (let passes = 0; !isOver();) {
    last = await probe(ports, command, signal);
    passes = last.kind === "pass" ? passes + 1 : 0;
    if (passes >= health.passes) return PASSED;
    const refused = last.kind === "fail" && last.reason === "refused";
    await clock.sleepUntil(clock.now() + (refused ? Math.min(REFUSED_RETRY_MS, health.intervalMs) : health.intervalMs), signal);
  }
  return last;
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
