import { expect, test } from "vitest";
import { WATCH_RULES } from "../../../src/core/judging/rules.ts";
import { PHASES } from "../../../src/core/state.ts";
import type { Traffic } from "../../../src/ports/traffic.ts";
import { appStatus } from "../../../src/server/status.ts";
import { CoreRun, webOnly } from "../../support/core-run.ts";

/** A proxy that does not answer anything yet. */
const TRAFFIC = { present: () => Promise.resolve(null), ledger: () => Promise.resolve(null) } as unknown as Traffic;

const SPEC: CoreRun["spec"] = {
  ...webOnly(2),
  rollout: { strategy: "blue-green", batch: { kind: "count", count: 1 }, promoteAfterMs: 1_000 },
  tasks: {
    hooks: { "before-cutover": { kind: "hook", hook: "before-cutover", command: "x", timeoutMs: 1_000 } },
    checks: [{ kind: "command", name: "smoke", command: "x", timeoutMs: 1_000 }],
    watch: { kind: "watch", everyMs: 1_000, rules: WATCH_RULES },
  },
};

/** The keys of a value and of all that is in it, without those that are names of things (`figures`). */
function shapeOf(value: unknown): string {
  if (Array.isArray(value)) return `[${[...new Set(value.map(shapeOf))].join("|")}]`;
  if (typeof value !== "object" || value === null) return value === null ? "null" : typeof value;
  return `{${Object.entries(value)
    .map(([key, inner]) => (key === "figures" ? key : `${key}:${shapeOf(inner)}`))
    .toSorted()
    .join(",")}}`;
}

/** Null may become something, and back. */
function keysOf(value: object): string {
  return Object.keys(value).toSorted().join(" ");
}

test("scenario 103: a status has the same keys in every phase of a deployment, forward and back", async () => {
  const run = new CoreRun();
  const phases = new Set<string>();
  const [apps, deployments, verdicts, instances] = [new Set<string>(), new Set<string>(), new Set<string>(), new Set<string>()];
  const look = async (): Promise<void> => {
    const status = await appStatus(run.state, { fault: null, warnings: [] }, TRAFFIC);
    expect(shapeOf(JSON.parse(JSON.stringify(status))), "nothing is left out of JSON").toBe(shapeOf(status));
    apps.add(keysOf(status));
    for (const instance of status.instances) instances.add(keysOf(instance));
    if (status.deployment === null) return;
    phases.add(status.deployment.phase);
    deployments.add(keysOf(status.deployment));
    for (const verdict of status.deployment.verdicts) verdicts.add(keysOf(verdict));
  };
  const walk = async (fails: boolean): Promise<void> => {
    run.deploy(SPEC);
    for (let [next] = run.pending; next !== undefined; [next] = run.pending) {
      await look();
      const result = { verdict: "fail", summary: "worse", figures: { newErrors: 4 } } as const;
      if (fails && next.kind === "task.run" && next.run.kind === "watch")
        run.send({ kind: "task.ended", task: next.task, result }, next.id);
      else run.answer(next);
    }
    await look();
  };
  await look();
  await walk(false);
  await walk(false);
  await walk(true);
  expect([apps.size, deployments.size, verdicts.size, instances.size]).toEqual([1, 1, 1, 1]);
  const missing = PHASES.filter((phase) => !phases.has(phase));
  expect(missing, "phases that this walk does not come through").toEqual(["paused", "unchanged", "failed"]);
});

test("the verdicts of a deployment say what they are of, what came of them, and how long they took", async () => {
  const run = new CoreRun();
  run.deploy(SPEC);
  run.settle();
  run.deploy(SPEC);
  run.settle();
  const { deployment } = await appStatus(run.state, { fault: null, warnings: [] }, TRAFFIC);
  expect(deployment?.verdicts).toMatchObject([
    { name: "smoke", kind: "command", batch: 1, verdict: "pass", summary: "it passed", overruled: false },
    { name: "the before-cutover hook", kind: "hook", batch: 2, verdict: "pass" },
    { name: "the default gate", kind: "watch", batch: 2, verdict: "pass" },
  ]);
  for (const { startedAt, endedAt } of deployment?.verdicts ?? []) expect(endedAt).toBeGreaterThan(startedAt);
});
