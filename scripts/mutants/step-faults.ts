import type { Fault } from "./faults.ts";

/** Broken rules of what runs ahead of deployments: the keeper of steps, SQL and batches. */
export const STEP_FAULTS: readonly Fault[] = [
  {
    name: "a window that closes ends nothing",
    file: "src/engine/preparation/step-keeper.ts",
    good: 'if (why !== null) attempt.stop.abort(new StepStop("waiting", why));',
    bad: "if (why !== null) attempt.notedAt = now;",
  },
  {
    name: "SQL runs on when its window has closed",
    file: "src/engine/preparation/database-steps.ts",
    good: "patience: ending(ports, run, runner.patience)",
    bad: "patience: runner.patience",
  },
  {
    name: "a daemon that may not act keeps its steps",
    file: "src/engine/preparation/step-keeper.ts",
    good: "} else this.#letGo();",
    bad: "}",
  },
  {
    name: "two steps of a database at once",
    file: "src/core/preparation/hindrance.ts",
    good: "one.lane === record.lane && one.state",
    bad: "one.lane !== record.lane && one.state",
  },
  {
    name: "a step begins without what it needs",
    file: "src/core/preparation/hindrance.ts",
    good: "neededText(record, around) ?? closedText",
    bad: "closedText",
  },
  {
    name: "a deployment passes a step that it requires",
    file: "src/engine/preparation/step-desk.ts",
    good: "step.required && !this.#isDone(spec.app, step)",
    bad: "step.required && this.#parts.book.find(spec.app, step.name) === null",
  },
  {
    name: "what is not idempotent is begun again by itself",
    file: "src/engine/preparation/settled.ts",
    good: "return isRepeatable(record.definition) ? { ...base, state",
    bad: "return base.attempt > 0 ? { ...base, state",
  },
  {
    name: "SQL that is done is done again",
    file: "src/engine/preparation/database-steps.ts",
    good: 'row.action === action.id && row.state === "done"',
    bad: 'row.action === action.id && row.state === "undone"',
  },
  {
    name: "a backfill begins from the first row again",
    file: "src/engine/database/backfill.ts",
    good: "if (there.length > 0) return there;",
    bad: "if (there.length > 99) return there;",
  },
  {
    name: "a program of a step that was ended works on",
    file: "src/engine/preparation/job-steps.ts",
    good: "if (run.signal.reason instanceof StepStop) await ports.jobs.cancel(app, job);",
    bad: "",
  },
  {
    name: "an attempt has the number of the one before",
    file: "src/engine/preparation/step-keeper.ts",
    good: "attempt: record.attempt + 1,",
    bad: "attempt: Math.max(1, record.attempt),",
  },
  {
    name: "what runs is forgotten with its daemon",
    file: "src/engine/preparation/step-keeper.ts",
    good: "this.#attempts.get(keyOf(record)) ?? this.#takeUp(record);",
    bad: "this.#attempts.get(keyOf(record));\n    if (attempt === undefined) return;",
  },
];
