import { describe, expect, test } from "vitest";
import type { RolloutSpec } from "../../src/core/app-spec.ts";
import { run, type Operation } from "../../sim/run.ts";

const BLUE_GREEN: Partial<RolloutSpec> = { strategy: "blue-green", standbyMs: 60_000, promoteAfterMs: 5_000 };

/** Every kind of change there is, walked through without chance faults; `faulty` is how the instances of the second release behave. */
const WAYS: readonly [title: string, operation: Operation, faulty: boolean, rollout?: Partial<RolloutSpec>][] = [
  ["rolling forward", "deploy", false],
  ["failing and going back", "deploy", true],
  ["aborted", "abort", false],
  ["rolled back", "rollback", false],
  ["restarted", "restart", false],
  ["scaled", "scale", false],
  ["suspended", "suspend", false],
  ["by blue-green", "deploy", false, BLUE_GREEN],
  ["by blue-green, failing and going back", "deploy", true, BLUE_GREEN],
  ["by blue-green, aborted", "abort", false, BLUE_GREEN],
  ["by blue-green, and at once back to what is on standby", "rollback", false, BLUE_GREEN],
];

describe.each(WAYS)("a deployment %s", (_title, operation, faulty, rollout = {}) => {
  test.each(["before", "after", "stall"] as const)(
    "survives a crash or a long stall of the engine (%s) at every port call",
    async (crashWhen) => {
      const way = { seed: 1, calm: true, operation, faulty, rollout };
      const whole = await run(way);
      expect(whole.violations).toEqual([]);
      expect(whole.calls).toBeGreaterThan(30);
      for (let crashAt = 1; crashAt <= whole.calls; crashAt += 1) {
        const { violations } = await run({ ...way, crashAt, crashWhen });
        expect(violations, `crash ${crashWhen} port call ${crashAt}`).toEqual([]);
      }
    },
  );
});
