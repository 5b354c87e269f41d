import { expect, test } from "vitest";
import { WATCH_RULES } from "../../../src/core/judging/rules.ts";
import type { TaskResult, WatchTask } from "../../../src/core/task.ts";
import type { TaskPorts } from "../../../src/engine/tasks/task-order.ts";
import { runWatchTask } from "../../../src/engine/tasks/watch-task.ts";
import { SimClock } from "../../../sim/clock.ts";
import { byTheClock, countersOf, from, steady, type ComparedWorld, type Curve } from "../../support/compared-world.ts";
import { orderOf } from "../../support/task-order.ts";

const TASK: WatchTask = { kind: "watch", everyMs: 1_000, rules: WATCH_RULES };

interface World extends ComparedWorld {
  /** When it is told to judge; never if it is not given. */
  readonly concludedMs?: number;
  /** How late the task is taken up. */
  readonly lateMs?: number;
}

interface Watched {
  readonly result: TaskResult;
  /** How long it took. */
  readonly ms: number;
}

async function watched({ concludedMs, lateMs = 0, ...world }: World): Promise<Watched> {
  const clock = new SimClock();
  const startedAt = clock.now();
  const traffic = countersOf(clock, world);
  await Promise.all([clock.pass(lateMs), Promise.resolve().then(() => clock.step())]);
  const end = new AbortController();
  const order = orderOf(TASK, { signal: new AbortController().signal, conclusion: end.signal });
  if (concludedMs !== undefined) {
    const at = startedAt + concludedMs;
    void clock.sleepUntil(at, new AbortController().signal).then(() => {
      end.abort(at);
    });
  }
  const late = { ...order, command: { ...order.command, startedAt } };
  const result = await byTheClock(clock, runWatchTask({ clock, traffic } as unknown as TaskPorts, late, TASK));
  return { result, ms: clock.now() - startedAt };
}

test("it ends when it is told to, in the middle of a window, with what it has seen up to then", async () => {
  const { result, ms } = await watched({ releases: { r1: steady(100, 0.01), r2: steady(10, 0.01) }, concludedMs: 8_400 });
  expect(result).toMatchObject({ verdict: "pass", figures: { newRequests: 84, oldRequests: 840 } });
  expect(ms).toBeLessThan(8_500);
});

test("it fails at once when the new release is worse", async () => {
  const { result, ms } = await watched({ releases: { r1: steady(100), r2: steady(10, 0.3) } });
  expect(result.verdict).toBe("fail");
  expect(ms).toBeLessThan(5_000);
});

test("scenario 62: without traffic it is not enough data", async () => {
  const { result } = await watched({ releases: { r1: steady(0), r2: steady(0) }, concludedMs: 3_000 });
  expect(result).toMatchObject({ verdict: "not-enough-data", summary: expect.stringContaining("too few requests") as string });
});

test("what goes wrong after hours of health is found as soon", async () => {
  const later: Curve = (seconds) => {
    const [good, bad] = [steady(10)(Math.min(seconds, 3_600)), from(3_600, steady(10, 0.3))(seconds)];
    return { served: good.served + bad.served, failed: bad.failed };
  };
  const { result, ms } = await watched({ releases: { r1: steady(100), r2: later } });
  expect(result.verdict).toBe("fail");
  expect(ms).toBeGreaterThan(3_600_000);
  expect(ms).toBeLessThan(3_600_000 + 10_000);
});

test("told to judge just after a period has begun, it says what the one before has shown", async () => {
  const { result } = await watched({ releases: { r1: steady(100), r2: steady(10) }, concludedMs: 300_500 });
  expect(result).toMatchObject({ verdict: "pass", figures: { newRequests: 3_000 } });
});

test("taken up after a crash, and told to judge before that, it comes to the same", async () => {
  const releases = { r1: steady(100), r2: steady(10) };
  const [calm, late] = [
    await watched({ releases, concludedMs: 20_000 }),
    await watched({ releases, concludedMs: 20_000, lateMs: 45_000 }),
  ];
  expect(late.result).toEqual(calm.result);
});

test("a proxy that is away blames nobody", async () => {
  const { result } = await watched({ releases: { r1: steady(100), r2: steady(10, 1) }, concludedMs: 5_000, isAway: () => true });
  expect(result.verdict).toBe("not-enough-data");
});
