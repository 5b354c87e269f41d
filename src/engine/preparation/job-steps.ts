import { HitlessError } from "../../base/error.ts";
import { secretsOf } from "../../base/redact.ts";
import type { StepProgress, StepRecord } from "../../core/preparation/step-record.ts";
import type { JobEnd } from "../../ports/jobs.ts";
import { DONE, type StepEnd, type StepPorts, type StepRun } from "./step-run.ts";
import { StepStop } from "./step-stop.ts";

const LOOK_MS = 500;
/** Its budget is what ends it, not the job's own limit. */
const LONGEST_MS = 365 * 86_400_000;

/**
 * A program in a process group of its own. It outlives the daemon, and the next one watches it on. When the step is stopped it is ended, and begun
 * again later: what it has kept at `HITLESS_CHECKPOINT` is there then.
 */
export async function runJob(ports: StepPorts, run: StepRun, command: string | readonly string[]): Promise<StepEnd> {
  const { app, definition } = run.record();
  const { directory, env } = run.workplace;
  const job = jobOf(run.record());
  const place = await ports.places.open(app, definition);
  const looking = new AbortController();
  const looked = lookAfter(ports, run, looking.signal);
  try {
    const end = await ports.jobs.run(
      {
        app,
        job,
        launch: { directory, command, env: { ...env, ...place, HITLESS_APP: app, HITLESS_STEP: definition.name } },
        timeoutMs: LONGEST_MS,
        secrets: secretsOf(env),
      },
      {
        onOutput: (lines) => {
          lines.forEach(run.note);
        },
        signal: run.signal,
      },
    );
    return endOf(run.record(), end);
  } catch (error) {
    if (run.signal.reason instanceof StepStop) await ports.jobs.cancel(app, job);
    throw error;
  } finally {
    looking.abort();
    await looked;
  }
}

function jobOf({ definition: { name, digest }, attempt }: StepRecord): string {
  return `step ${name} ${digest.slice(0, 12)} ${String(attempt)}`;
}

/** Takes what the program says of its progress, its last word included, and tells it how fast it may go. */
async function lookAfter({ clock, places }: StepPorts, run: StepRun, signal: AbortSignal): Promise<void> {
  const { app, definition } = run.record();
  let throttle: number | null = null;
  const began = clock.now();
  let first: number | null = null;
  for (;;) {
    const isLast = signal.aborted;
    const wanted = run.record().throttle;
    if (wanted !== throttle && !isLast) await places.steer(app, definition, wanted);
    throttle = wanted;
    const report = await places.report(app, definition);
    if (report !== null && report.done !== null) {
      first ??= report.done;
      const slow = wanted < 100 ? `slowed down to ${String(wanted)} % by the operator` : null;
      run.onProgress(progressOf({ done: report.done, total: report.total }, first, clock.now() - began), slow);
    }
    if (isLast) return;
    await clock.sleepUntil(clock.now() + LOOK_MS, signal).catch(() => undefined);
  }
}

/** At the mean rate of this attempt, once it has gone on for a second. */
function progressOf({ done, total }: { done: number; total: number | null }, first: number, passedMs: number): StepProgress {
  const perSecond = passedMs > 1_000 ? ((done - first) / passedMs) * 1_000 : null;
  const etaMs = total === null || perSecond === null || perSecond <= 0 ? null : ((total - done) / perSecond) * 1_000;
  return { done, total, perSecond, etaMs };
}

function endOf({ definition: { name } }: StepRecord, { how, tail }: JobEnd): StepEnd {
  if (how.kind === "exited" && how.code === 0) return DONE;
  if (how.kind === "lost") return { kind: "again", reason: "its program was lost, as when the machine restarts" };
  // By a daemon that could not write it down any more.
  if (how.kind === "cancelled") return { kind: "again", reason: "its program was ended, and goes on at its checkpoint" };
  const what = how.kind === "exited" ? `exited with code ${String(how.code)}` : `was ended (${how.kind})`;
  throw new HitlessError({
    code: "ERR_STEP_FAILED",
    what: `${name} ${what}.`,
    next: `Correct it and run \`hitless prepare\`, or \`hitless steps retry ${name}\`.`,
    details: tail,
  });
}
