import { readFileSync } from "node:fs";

/** A rule of the engine that is broken on purpose: this text, which stands once in the file, is replaced. */
export interface Fault {
  readonly name: string;
  readonly file: string;
  readonly good: string;
  readonly bad: string;
}

export const FAULTS: readonly Fault[] = [
  {
    name: "signal before drain",
    file: "src/core/steps.ts",
    good: 'done: routesApplied, next: "draining"',
    bad: 'done: routesApplied, next: "stopping"',
  },
  {
    name: "take away before the new table is acknowledged",
    file: "src/core/steps.ts",
    good: "return draft.state.routes.appliedRevision >= deployment.awaitedRevision;",
    bad: "return deployment.awaitedRevision >= 0;",
  },
  {
    name: "add to the routes before ready",
    file: "src/core/steps.ts",
    good: '(find(draft.state, name)?.status ?? "serving") === "serving"',
    bad: 'find(draft.state, name)?.status !== "starting"',
  },
  {
    name: "route what was never ready on the way back",
    file: "src/core/steps.ts",
    good: 'if (status === "starting" || status === "warming") stopInstance(draft, name);\n    else ',
    bad: "",
  },
  {
    name: "go on after a failed start",
    file: "src/core/exits.ts",
    good: "    goBack(draft, failure);\n    return;",
    bad: "    return;",
  },
  {
    name: "forget the drained instances when going back",
    file: "src/core/going-back.ts",
    good: "  rejoinDraining(draft, ({ name, generation }) => generation === draft.state.generation && !isDeparting(draft.state, name));\n",
    bad: "",
  },
  {
    name: "retire one too many",
    file: "src/core/plan-batches.ts",
    good: "keep: old - Math.floor((old * come) / wanted)",
    bad: "keep: Math.max(0, old - Math.floor((old * come) / wanted) - 1)",
  },
  {
    name: "cut over before the new side is whole",
    file: "src/core/plan-blue-green.ts",
    good: "{ ...side, start: without(wanted, others), share: 0, wait, retire: [] },",
    bad: "{ ...side, start: {}, share: 0, wait, retire: [] },",
  },
  {
    name: "stop what departs without a drain",
    file: "src/core/departures.ts",
    good: 'status: routed ? "draining" : "drained"',
    bad: 'status: routed ? "drained" : "drained"',
  },
  {
    name: "leave the old side running after the standby's window",
    file: "src/core/standby.ts",
    good: "  patch(draft, { standby: undefined });\n  depart(",
    bad: "  patch(draft, { standby: undefined });\n  Array.of<unknown>(",
  },
  {
    name: "a table keeps its revision",
    file: "src/core/route-tables.ts",
    good: "revision: state.routes.revision + 1",
    bad: "revision: state.routes.revision",
  },
  {
    name: "no new table after a restart of the daemon",
    file: "src/core/recovery.ts",
    good: "if (draft.state.routes.installed) syncRoutes(draft, { force: true });",
    bad: "if (draft.state.routes.installed) syncRoutes(draft);",
  },
  {
    name: "what ended while the daemon was away is not noticed",
    file: "src/core/recovery.ts",
    good: "return ran && !event.alive.includes(name);",
    bad: "return false && ran && !event.alive.includes(name);",
  },
  {
    name: "keep the old epoch",
    file: "src/core/recovery.ts",
    good: "patch(draft, { epoch: event.epoch });",
    bad: "patch(draft, { epoch: Math.max(1, draft.state.epoch) });",
  },
  {
    name: "skip the fence: start and stop with an epoch that nobody refuses",
    file: "src/engine/app-engine.ts",
    good: "epoch: () => this.#state.epoch",
    bad: "epoch: () => Number.MAX_SAFE_INTEGER",
  },
  {
    name: "run commands before they are in the journal",
    file: "src/engine/app-engine.ts",
    good: "    await this.#journal(event, decision);\n",
    bad: "    for (const command of decision.commands) this.#start(command);\n    await this.#journal(event, decision);\n",
  },
  {
    name: "never take up what was intended",
    file: "src/engine/app-engine.ts",
    good: "    for (const command of unsettled) this.#takeUp(command);\n",
    bad: "",
  },
  {
    name: "run a hook again after a crash",
    file: "src/engine/tasks/job-task.ts",
    good: "job: command.task,",
    bad: "job: `${command.task}/${String(ports.clock.now())}`,",
  },
  {
    name: "run a hook again by a retry",
    file: "src/core/operators.ts",
    good: "return hook === undefined ? null :",
    bad: "return hook !== undefined || hook === undefined ? null :",
  },
  {
    name: "a retry begins although deployments are frozen",
    file: "src/core/retrying.ts",
    good: "frozen !== undefined && override === undefined",
    bad: "frozen !== undefined && override !== undefined",
  },
  {
    name: "a queued deployment begins in a freeze window",
    file: "src/core/queue.ts",
    good: "  if (frozen === null) {",
    bad: "  if (frozen === null || queued.since > 0) {",
  },
  {
    name: "a late word of readiness routes a stopped instance",
    file: "src/core/supervision.ts",
    good: 'instance?.status !== "serving" || ',
    bad: "instance === undefined || ",
  },
  {
    name: "an answer to a drain that was given up counts",
    file: "src/engine/cancels.ts",
    good: "      signal.throwIfAborted();\n      return result;",
    bad: "      return result;",
  },
  {
    name: "what ends of the stable side is not replaced",
    file: "src/core/supervision.ts",
    good: "  if (missing <= 0 || !mayStart(draft, type)) return;",
    bad: "  if (missing >= 0 || !mayStart(draft, type)) return;",
  },
  {
    name: "the release that serves is pruned",
    file: "src/core/ending.ts",
    good: "keep, inUse }",
    bad: "keep, inUse: inUse.slice(99) }",
  },
];

/** Its place is not there any more, or is not the only one of its text: the engine has changed since. */
export function isStale({ file, good }: Fault): boolean {
  return readFileSync(file, "utf8").split(good).length !== 2;
}
