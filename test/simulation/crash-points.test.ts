import { describe, expect, test } from "vitest";
import { run, type Operation } from "../../sim/run.ts";

/** Every kind of change there is, walked through without chance faults; `faulty` is how the instances of the second release behave. */
const WAYS: readonly [title: string, operation: Operation, faulty: boolean][] = [
  ["rolling forward", "deploy", false],
  ["failing and going back", "deploy", true],
  ["aborted", "abort", false],
  ["rolled back", "rollback", false],
  ["restarted", "restart", false],
  ["scaled", "scale", false],
  ["suspended", "suspend", false],
];

describe.each(WAYS)("a deployment %s", (_title, operation, faulty) => {
  test.each(["before", "after"] as const)("survives a crash of the engine %s every port call", async (crashWhen) => {
    const way = { seed: 1, calm: true, operation, faulty };
    const whole = await run(way);
    expect(whole.violations).toEqual([]);
    expect(whole.calls).toBeGreaterThan(30);
    for (let crashAt = 1; crashAt <= whole.calls; crashAt += 1) {
      const { violations } = await run({ ...way, crashAt, crashWhen });
      expect(violations, `crash ${crashWhen} port call ${crashAt}`).toEqual([]);
    }
  });
});
