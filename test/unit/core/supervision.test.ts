import { expect, test } from "vitest";
import { type CoreRun, deployed, webOnly } from "../../support/core-run.ts";

const blueGreen = { ...webOnly(2), rollout: { ...webOnly(2).rollout, strategy: "blue-green", promoteAfterMs: null } } as const;

/** The one web instance ends as soon as it serves; gives how long the next start is put off, in milliseconds (0: it is ordered at once). */
function crash(run: CoreRun): number {
  const [instance] = run.instances();
  const { commands } = run.send({
    kind: "instance.exited",
    instance: instance?.name ?? "",
    how: "exited with code 1",
    logTail: [],
  });
  const timer = commands.find(({ kind }) => kind === "timer.set");
  const wait = timer?.kind === "timer.set" ? timer.at - run.at : 0;
  expect(commands.some(({ kind }) => kind === "instance.start")).toBe(wait === 0);
  run.settle();
  return wait;
}

test("the first restart is at once; further ones wait 250 ms, doubling up to 30 s", () => {
  const run = deployed(1, webOnly(1));
  const waits = Array.from({ length: 11 }, () => crash(run));
  expect(waits).toEqual([0, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
});

test("at the fourth crash in a row it says once that it is a loop", () => {
  const run = deployed(1, webOnly(1));
  const loops = (): number => run.notes.filter((text) => text.startsWith("web crashes again and again (it exited")).length;
  const seen = Array.from({ length: 6 }, () => {
    crash(run);
    return loops();
  });
  expect(seen).toEqual([0, 0, 0, 1, 1, 1]);
});

test("an instance that lived for a minute has not crashed in a loop: the count begins anew", () => {
  const run = deployed(1, webOnly(1));
  crash(run);
  crash(run);
  expect(run.state.crashes.web?.count).toBe(2);
  run.at += 60_000;
  expect(crash(run)).toBe(0);
  expect(run.state.crashes.web?.count).toBe(1);
});

test("while one restart is waited for, another crash of the type sets no second timer", () => {
  const run = deployed(1, webOnly(2));
  crash(run);
  const timers = run.instances().map(({ name }) => {
    const { commands } = run.send({ kind: "instance.exited", instance: name, how: "is gone", logTail: [] });
    return commands.filter(({ kind }) => kind === "timer.set").length;
  });
  expect(timers).toEqual([1, 0]);
  run.settle();
  expect(run.serving()).toBe("r1 r1");
});

test("a crash of before the clock was set back puts the next start off for its pause, not for as long as it was set", () => {
  const run = deployed(1, webOnly(2));
  run.ask("restart");
  run.settle(({ kind }) => kind === "ledger.close");
  for (const { name } of run.instances()) run.send({ kind: "instance.exited", instance: name, how: "is gone", logTail: [] });
  run.at -= 3_600_000;
  const timer = run.until("timer.set");
  expect(timer).toMatchObject({ at: run.at + 250, afterMs: 250 });
});

test.each([
  ["a release is being made", webOnly(2), "release.create"],
  ["the new side of a blue-green deployment comes up", blueGreen, "instance.awaitReady"],
  ["that is awaited by nobody but previews", blueGreen, null],
] as const)("while %s, what ends of the stable side is replaced", (_title, spec, until) => {
  const run = deployed(1, webOnly(2));
  run.deploy(spec);
  if (until === null) run.settle();
  else run.until(until);
  const [first] = run.instances();
  run.send({ kind: "instance.exited", instance: first?.name ?? "", how: "exited with code 1", logTail: [] });
  run.settle(({ kind }) => kind === until && until === "release.create");
  expect(run.serving()).toMatch(/^r1 r1\b/);
  expect(run.isRunning()).toBe(true);
});
