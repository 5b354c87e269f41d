import { expect, test } from "vitest";
import type { Failure } from "../../../src/base/error.ts";
import type { HealthSpec } from "../../../src/core/app-spec.ts";
import type { ProbeOutcome } from "../../../src/core/routes.ts";
import { awaitReady, type ReadinessPorts } from "../../../src/engine/readiness.ts";
import { SimClock } from "../../../sim/clock.ts";
import { byTheClock } from "../../support/compared-world.ts";

const HEALTH: HealthSpec = { path: "/up", host: null, intervalMs: 500, timeoutMs: 2_000, passes: 3, failures: 3 };
const PASS: ProbeOutcome = { kind: "pass", status: 200, ms: 1 };
const STATUS_500: ProbeOutcome = { kind: "fail", reason: "status", saw: "status 500: boom" };
const REFUSED: ProbeOutcome = { kind: "fail", reason: "refused", saw: "connection refused" };

interface Seen {
  readonly failure: Failure | null;
  readonly ms: number;
  readonly checks: number;
  /** The most that ran at the same time. */
  readonly atOnce: number;
}

/** What comes of waiting for an instance whose checks end so, each after `takesMs`. */
async function awaited(
  outcomeAt: (ms: number, check: number) => ProbeOutcome,
  { deadlineMs = 30_000, takesMs = 1 } = {},
): Promise<Seen> {
  const clock = new SimClock();
  const startedAt = clock.now();
  let [checks, running, atOnce] = [0, 0, 0];
  const probe = async (): Promise<ProbeOutcome> => {
    checks += 1;
    running += 1;
    atOnce = Math.max(atOnce, running);
    const outcome = outcomeAt(clock.now() - startedAt, checks);
    await clock.pass(takesMs);
    running -= 1;
    return outcome;
  };
  const ports = { clock, traffic: { probe }, fleet: { logTail: () => Promise.resolve([]) } } as unknown as ReadinessPorts;
  const command = {
    kind: "instance.awaitReady",
    id: "shop/1/instance.awaitReady",
    deployment: "d1",
    instance: "web.r2.3",
    host: "127.0.0.1",
    port: 20_003,
    health: HEALTH,
    readyAfterMs: 0,
    deadlineAt: startedAt + deadlineMs,
  } as const;
  const failure = await byTheClock(clock, awaitReady(ports, "shop", command, new AbortController().signal));
  return { failure, ms: clock.now() - startedAt, checks, atOnce };
}

test("scenario 13: what never listens fails at the deadline, and the reason names the refusal", async () => {
  const { failure, ms } = await awaited(() => REFUSED, { deadlineMs: 5_000 });
  expect(failure).toMatchObject({ code: "ERR_INSTANCE_UNREADY", why: expect.stringContaining("connection refused") as string });
  expect(ms).toBeGreaterThanOrEqual(5_000);
  expect(ms).toBeLessThan(5_500);
});

test("scenario 15: a check that passes and fails in turn is never enough; the third pass in a row is", async () => {
  const { failure } = await awaited((_ms, check) => (check % 3 === 0 ? STATUS_500 : PASS));
  expect(failure).toMatchObject({
    why: expect.stringMatching(/status (500: boom|200, but not often enough in a row)/) as string,
  });
  const { failure: none, checks } = await awaited((_ms, check) => (check <= 6 && check % 3 === 0 ? STATUS_500 : PASS));
  expect([none, checks]).toEqual([null, 9]);
});

test("scenario 16: ready after 25 s with a deadline of 30 s is ready", async () => {
  const { failure, ms } = await awaited((passed) => (passed < 25_000 ? REFUSED : PASS));
  expect(failure).toBeNull();
  expect(ms).toBeGreaterThan(25_000);
  expect(ms).toBeLessThan(27_000);
});

test("scenario 19: checks that hang until their timeout do not pile up", async () => {
  const hangs: ProbeOutcome = { kind: "fail", reason: "timeout", saw: "no answer within 2000 ms" };
  const { failure, atOnce, checks } = await awaited(() => hangs, { takesMs: HEALTH.timeoutMs });
  expect(failure).toMatchObject({ why: expect.stringContaining("no answer within 2000 ms") as string });
  expect(atOnce).toBe(1);
  expect(checks).toBeLessThanOrEqual(12);
});
