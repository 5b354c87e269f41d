import type { RolloutSpec, TasksSpec } from "../src/core/app-spec.ts";
import { NOTIFIED, type NotificationSpec } from "../src/core/notification.ts";
import { command, EVERY_HOOK } from "./spec.ts";

/** What is done after the first release. */
export type Operation =
  | "deploy"
  | "queue"
  | "supersede"
  | "abort"
  | "abort-draining"
  | "abort-judging"
  | "abort-replacing"
  | "supersede-draining"
  | "retry"
  | "judge-again"
  | "pause"
  | "rollback"
  | "restart"
  | "scale"
  | "suspend";

/** A change that is walked through without chance faults, so that the engine can be made to crash at every point of it. */
export interface Way {
  readonly operation: Operation;
  /** How instances are replaced. Absent: rolling, one by one. */
  readonly rollout?: Partial<RolloutSpec>;
  /** Every release changes the database. */
  readonly database?: true;
  /** What is done and judged meanwhile. Absent: nothing. */
  readonly tasks?: TasksSpec;
  /** Who is told of it. Absent: nobody. */
  readonly notifications?: readonly NotificationSpec[];
  /** How long the first drains take, whoever gives them up. Absent: by chance. */
  readonly drainsMs?: readonly number[];
  /** What judges cannot tell the first time. */
  readonly undecided?: true;
  /** The second release never becomes ready. */
  readonly faulty?: true;
}

const STOP_FIRST: Partial<RolloutSpec> = {
  surge: { kind: "count", count: 0 },
  maxUnavailable: { kind: "count", count: 1 },
};
const BLUE_GREEN: Partial<RolloutSpec> = { strategy: "blue-green", standbyMs: 60_000, promoteAfterMs: 5_000 };
const CANARY: Partial<RolloutSpec> = {
  strategy: "canary",
  standbyMs: 60_000,
  steps: [
    { weight: 0, waitMs: 1_000 },
    { weight: 30, waitMs: 5_000 },
    { weight: 60, waitMs: 5_000 },
  ],
};

const JUDGED: TasksSpec = { ...EVERY_HOOK, checks: [command("smoke")], gates: [command("errors"), command("latency")] };
const TOLD: readonly NotificationSpec[] = [{ target: { kind: "command", command: "tell", timeoutMs: 5_000 }, events: NOTIFIED }];

/** Every strategy with every kind of change, by name. */
const WAYS: Readonly<Record<string, Way>> = {
  rolling: { operation: "deploy" },
  "rolling-faulty": { operation: "deploy", faulty: true },
  "rolling-abort": { operation: "abort" },
  "rolling-abort-draining": { operation: "abort-draining" },
  "rolling-rollback": { operation: "rollback" },
  queue: { operation: "queue" },
  supersede: { operation: "supersede" },
  restart: { operation: "restart" },
  scale: { operation: "scale" },
  suspend: { operation: "suspend" },
  "stop-first": { operation: "deploy", rollout: STOP_FIRST },
  "stop-first-faulty": { operation: "deploy", rollout: STOP_FIRST, faulty: true },
  "stop-first-abort": { operation: "abort", rollout: STOP_FIRST },
  "stop-first-abort-draining": { operation: "abort-draining", rollout: STOP_FIRST },
  "blue-green": { operation: "deploy", rollout: BLUE_GREEN },
  "blue-green-faulty": { operation: "deploy", rollout: BLUE_GREEN, faulty: true },
  "rolling-judged": { operation: "deploy", tasks: EVERY_HOOK, notifications: TOLD },
  "blue-green-judged": { operation: "deploy", rollout: BLUE_GREEN, tasks: JUDGED },
  "blue-green-abort-replacing": { operation: "abort-replacing", rollout: { strategy: "blue-green", promoteAfterMs: 5_000 } },
  "supersede-draining": { operation: "supersede-draining", drainsMs: [2_000, 0, 2_000] },
  "canary-judged-abort": { operation: "abort-judging", rollout: CANARY, tasks: JUDGED },
  "canary-judged-again": { operation: "judge-again", rollout: CANARY, tasks: JUDGED, undecided: true },
  retry: { operation: "retry", tasks: EVERY_HOOK },
  "database-retry": { operation: "retry", database: true },
  pause: { operation: "pause" },
  "blue-green-abort": { operation: "abort", rollout: BLUE_GREEN },
  "blue-green-rollback": { operation: "rollback", rollout: BLUE_GREEN },
  database: { operation: "deploy", database: true },
  "database-faulty": { operation: "deploy", database: true, faulty: true },
  "database-abort": { operation: "abort", database: true },
  "database-blue-green": { operation: "deploy", database: true, rollout: BLUE_GREEN },
  "database-blue-green-rollback": { operation: "rollback", database: true, rollout: BLUE_GREEN },
  canary: { operation: "deploy", rollout: CANARY },
  "canary-faulty": { operation: "deploy", rollout: CANARY, faulty: true },
  "canary-abort": { operation: "abort", rollout: CANARY },
  "canary-supersede": { operation: "supersede", rollout: CANARY },
  "canary-rollback": { operation: "rollback", rollout: CANARY },
};

export const WAY_NAMES: readonly string[] = Object.keys(WAYS);

export function wayOf(name: string): Way {
  const way = WAYS[name];
  if (way === undefined) throw new Error(`there is no way ${name}; there are ${WAY_NAMES.join(", ")}`);
  return way;
}
