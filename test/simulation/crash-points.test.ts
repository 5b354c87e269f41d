import { expect, test } from "vitest";
import { commandOf } from "../../sim/command-line.ts";
import { run } from "../../sim/run.ts";
import { crashPoints, judge } from "../../sim/runs.ts";
import { WAY_NAMES } from "../../sim/ways.ts";
import type { CommandKind } from "../../src/core/command.ts";
import type { JournalEntry } from "../../src/ports/store.ts";

const KINDS: Readonly<Record<CommandKind, true>> = {
  "release.create": true,
  "release.discard": true,
  "release.prune": true,
  "freeze.look": true,
  "instance.start": true,
  "instance.awaitReady": true,
  "instance.stop": true,
  "traffic.apply": true,
  "traffic.remove": true,
  "traffic.drain": true,
  "traffic.quiet": true,
  "ledger.open": true,
  "ledger.close": true,
  "task.run": true,
  "task.conclude": true,
  "task.cancel": true,
  notify: true,
  "timer.set": true,
};

/** A part of them, a different one for each way; `npm run sim -- --crash-points` goes through all. */
const EVERY = 10;

test.each(WAY_NAMES.map((name, index) => [name, index] as const))(
  "scenario 79: %s survives a crash of the engine before and after its port calls, and a long stall in them",
  async (way, index) => {
    const whole = await judge({ seed: 1, way });
    expect(whole.violations).toEqual([]);
    expect(whole.calls).toBeGreaterThan(30);
    const failed: string[] = [];
    for (const options of crashPoints(way, whole.calls, { every: EVERY, from: 1 + (index % EVERY) })) {
      const { violations } = await judge(options);
      if (violations.length > 0) failed.push(`${violations.join("; ")}: ${commandOf(options)}`);
    }
    expect(failed).toEqual([]);
  },
);

test("the ways settle commands of every kind: also what is no port call, such as task.conclude, is crashed around, by the entry that orders it and the one that settles it", async () => {
  const settled = new Set<string>();
  for (const way of WAY_NAMES) {
    const { journal } = await run({ seed: 1, way });
    for (const line of journal.split("\n")) settled.add((JSON.parse(line) as JournalEntry).event.settles?.split("/")[2] ?? "");
  }
  // It is the last one of its run, which is over before the answer comes.
  settled.add("traffic.remove");
  expect([...settled].filter((kind) => kind !== "").toSorted()).toEqual(Object.keys(KINDS).toSorted());
});
