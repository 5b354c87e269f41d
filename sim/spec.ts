import type { AppSpec, RolloutSpec, TasksSpec } from "../src/core/app-spec.ts";
import type { DatabaseSpec } from "../src/core/database-spec.ts";
import { WATCH_RULES } from "../src/core/judging/rules.ts";
import type { NotificationSpec } from "../src/core/notification.ts";
import { HOOKS, type HookName, type Task } from "../src/core/task.ts";

/** How many instances a release of the run has, how many of them go at once, and how else they are replaced. */
export interface Size {
  readonly instances: number;
  readonly batch: number;
  readonly rollout: Partial<RolloutSpec>;
  /** What is done and judged meanwhile. Absent: nothing. */
  readonly tasks?: TasksSpec | undefined;
  /** Who is told of it. Absent: nobody. */
  readonly notifications?: readonly NotificationSpec[] | undefined;
  /** How many releases are kept for going back. Absent: 3. */
  readonly releasesKept?: number;
  /** For how long the contract keeps what it would remove. */
  readonly softContractMs?: number | undefined;
}

/** A plain app of so many web instances, replaced by batches of the given size where nothing else is said. */
export function simSpec(app: string, instances: number, batch: number, rollout: Partial<RolloutSpec> = {}): AppSpec {
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
    rollout: { strategy: "rolling", batch: { kind: "count", count: batch }, ...rollout },
    proxy: { holdMs: 1_000, firstByteTimeoutMs: 10_000 },
    releasesKept: 3,
  };
}

/** What goes with a database: migrations in each release, and the contract soon after the window. */
export const SIM_DATABASE: DatabaseSpec = {
  variable: "DATABASE_URL",
  migrations: "migrations",
  procedures: null,
  contractAfterMs: 5_000,
  lockTimeoutMs: 500,
  lockPatienceMs: 10_000,
};

/** Every way of replacing there is, for those who draw one by lot. */
export const SIM_ROLLOUTS: readonly [Partial<RolloutSpec>, ...Partial<RolloutSpec>[]] = [
  {},
  { strategy: "blue-green" },
  { strategy: "blue-green", standbyMs: 60_000 },
  { strategy: "blue-green", standbyMs: 60_000, promoteAfterMs: 20_000 },
  { strategy: "blue-green", standbyMs: 600_000, promoteAfterMs: null },
  {
    strategy: "canary",
    standbyMs: 60_000,
    steps: [
      { weight: 0, waitMs: 1_000 },
      { weight: 30, waitMs: 10_000 },
      { weight: 60, waitMs: 0 },
    ],
  },
  { strategy: "canary", steps: [{ weight: 20, waitMs: null }] },
  { pauseMs: 3_000, firstPauseMs: null },
  { surge: { kind: "count", count: 0 }, maxUnavailable: { kind: "count", count: 1 } },
  { autoRollback: false },
  {
    strategy: "canary",
    standbyMs: 60_000,
    autoRollback: false,
    steps: [
      { weight: 0, waitMs: 1_000 },
      { weight: 50, waitMs: 5_000 },
    ],
  },
  { surge: { kind: "count", count: 1 }, maxUnavailable: { kind: "percent", percent: 25 } },
];

const hook = (name: HookName): Extract<Task, { kind: "hook" }> => {
  return { kind: "hook", hook: name, command: "hook", timeoutMs: 5_000 };
};
export const command = (name: string): Task => ({ kind: "command", name, command: "check", timeoutMs: 5_000 });

export const EVERY_HOOK: TasksSpec = {
  hooks: Object.fromEntries(HOOKS.map((name) => [name, hook(name)])),
  watch: { kind: "watch", everyMs: 1_000, rules: WATCH_RULES },
};

/** None, as often as not; every hook; checks and gates; with each policy for too little data. */
export const SIM_TASKS: readonly [TasksSpec | undefined, ...(TasksSpec | undefined)[]] = [
  undefined,
  undefined,
  EVERY_HOOK,
  { checks: [command("smoke"), command("login")], gates: [command("errors")], onNotEnoughData: "pass" },
  { hooks: { "before-cutover": hook("before-cutover"), "on-failure": hook("on-failure") }, gates: [command("errors")] },
];
