import type { Clock } from "../../ports/clock.ts";
import type { BackfillMeter } from "./backfill-meter.ts";
import { DEFAULT_BATCH_MS, type BackfillOptions, type Pace, type Pacer } from "./backfill-options.ts";

const LONGEST_PAUSE_MS = 10_000;
/** How soon it is asked again whether a pause is over. */
const ASK_MS = 500;

/** So little work, at full speed, is nearly over. */
const BRIEF_WORK_MS = 2_000;

/** What an operator throttles becomes not only rarer but shorter too, down to this share of its time. */
const SHORTEST = 0.2;

interface PaceParts {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly options: BackfillOptions;
  readonly pacer: Pacer | null;
  readonly meter: BackfillMeter;
}

/** Waits until the next batch may begin, after one that took so long. Gives the pace that then holds. */
export async function rest({ clock, signal, options, pacer, meter }: PaceParts, tookMs: number): Promise<Pace> {
  const since = clock.now();
  meter.workedMs += tookMs;
  for (;;) {
    signal.throwIfAborted();
    const pace = await paceOf(pacer, options, meter, signal);
    meter.slow(pace.reason);
    const pause = pace.speed <= 0 ? Infinity : Math.min(LONGEST_PAUSE_MS, tookMs / pace.speed - tookMs);
    const left = since + pause - clock.now();
    if (left <= 0) return pace;
    const until = clock.now() + Math.min(left, ASK_MS);
    await clock.sleepUntil(until, signal);
    meter.pausedMs += clock.now() - until + Math.min(left, ASK_MS);
  }
}

/** What the next batch should take, in milliseconds. */
export function batchTargetMs({ batchMs }: BackfillOptions, { speed, batchShare = 1 }: Pace): number {
  return (batchMs ?? DEFAULT_BATCH_MS) * Math.min(batchShare, Math.max(SHORTEST, speed));
}

async function paceOf(
  pacer: Pacer | null,
  { throttlePercent }: BackfillOptions,
  meter: BackfillMeter,
  signal: AbortSignal,
): Promise<Pace> {
  const allowed = pacer === null ? { speed: 1, reason: null } : briefly(await pacer.pace(signal), meter);
  const percent = Math.min(100, Math.max(0, throttlePercent?.() ?? 100));
  if (percent / 100 >= allowed.speed) return allowed;
  return {
    ...allowed,
    speed: percent / 100,
    reason: percent === 0 ? "paused by the operator" : `slowed down to ${String(percent)} % by the operator`,
  };
}

function briefly(pace: Pace, { workLeftMs }: BackfillMeter): Pace {
  const { speed, briefSpeed = speed, reason } = pace;
  if (workLeftMs > BRIEF_WORK_MS || briefSpeed <= speed) return pace;
  return { ...pace, speed: briefSpeed, reason: `${reason ?? ""}, but ${(briefSpeed * 100).toFixed(0)} % as little is left` };
}
