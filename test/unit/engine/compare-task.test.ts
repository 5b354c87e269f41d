import { describe, expect, test } from "vitest";
import { DEFAULT_COMPARE_RULES } from "../../../src/core/judging/rules.ts";
import type { TaskResult } from "../../../src/core/task.ts";
import { runCompareTask } from "../../../src/engine/tasks/compare-task.ts";
import type { TaskPorts } from "../../../src/engine/tasks/task-order.ts";
import { SimClock } from "../../../sim/clock.ts";
import { byTheClock, countersOf, from, steady, type ComparedWorld, type Curve } from "../../support/compared-world.ts";
import { orderOf } from "../../support/task-order.ts";

const TASK = { kind: "compare", forMs: 60_000, everyMs: 1_000, rules: DEFAULT_COMPARE_RULES } as const;

interface World extends ComparedWorld {
  /** How late the task is taken up. */
  readonly lateMs?: number;
  /** How much longer it may wait for data. */
  readonly patienceMs?: number;
}

async function compared({ lateMs = 0, patienceMs = 0, ...world }: World): Promise<TaskResult> {
  const clock = new SimClock();
  const startedAt = clock.now();
  const traffic = countersOf(clock, world);
  await Promise.all([clock.pass(lateMs), Promise.resolve().then(() => clock.step())]);
  const order = orderOf(TASK);
  const late = { ...order, command: { ...order.command, startedAt, patienceMs } };
  return byTheClock(clock, runCompareTask({ clock, traffic } as unknown as TaskPorts, late, TASK));
}

describe("the comparison", () => {
  test("passes a release that fails no more often", async () => {
    expect(await compared({ releases: { r1: steady(100, 0.01), r2: steady(10, 0.01) } })).toMatchObject({
      verdict: "pass",
      figures: { newRequests: 600, oldRequests: 6_000 },
    });
  });

  test("fails one that does, long before the time is over", async () => {
    const { verdict, figures } = await compared({ releases: { r1: steady(100), r2: steady(10, 0.2) } });
    expect(verdict).toBe("fail");
    expect(figures?.["newRequests"]).toBeLessThan(100);
  });

  test("taken up in the middle reads what was before from the kept samples", async () => {
    const releases = { r1: steady(100), r2: steady(10, 0.2) };
    expect(await compared({ releases, lateMs: 45_000 })).toEqual(await compared({ releases }));
  });

  test("goes on over a proxy that is away for a while or has begun to count anew", async () => {
    const releases = { r1: steady(100), r2: steady(10) };
    expect((await compared({ releases, isAway: (ms) => ms > 10_000 && ms < 20_000 })).figures).toMatchObject({
      newRequests: 600,
    });
    expect((await compared({ releases, bornAt: 10 })).verdict).toBe("pass");
  });

  test("without a proxy to the end is not enough data", async () => {
    const result = await compared({ releases: { r1: steady(100), r2: steady(10) }, isAway: () => true });
    expect(result.verdict).toBe("not-enough-data");
  });

  test("scenario 62: without requests is not enough data", async () => {
    expect((await compared({ releases: { r1: steady(0), r2: steady(0) } })).verdict).toBe("not-enough-data");
  });

  test("with too little data goes on as long as it may, and no longer", async () => {
    const releases = { r1: steady(2), r2: steady(0.2) };
    expect((await compared({ releases, patienceMs: 600_000 })).figures).toMatchObject({ newRequests: 50 });
    expect(await compared({ releases, patienceMs: 120_000 })).toMatchObject({
      verdict: "not-enough-data",
      figures: { newRequests: 36 },
    });
  });

  test("scenario 54: after the cutover, where the old release has nothing any more, is one with the time before", async () => {
    const r1: Curve = (seconds) => steady(100)(Math.min(0, seconds));
    expect(await compared({ releases: { r1, r2: from(0, steady(100)) } })).toMatchObject({
      verdict: "pass",
      details: ["compared with the old release in the time before: it gets too few requests now"],
    });
    expect((await compared({ releases: { r1, r2: from(0, steady(100, 0.1)) } })).verdict).toBe("fail");
  });

  test("of a first release has nothing to compare with, and says so", async () => {
    const order = orderOf(TASK);
    const first = { ...order, command: { ...order.command, against: null } };
    expect(await runCompareTask({} as TaskPorts, first, TASK)).toEqual({
      verdict: "pass",
      summary: "there is no other release to compare with",
    });
  });
});
