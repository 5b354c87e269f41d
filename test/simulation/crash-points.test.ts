import { expect, test } from "vitest";
import { commandOf } from "../../sim/command-line.ts";
import { crashPoints, judge } from "../../sim/runs.ts";
import { WAY_NAMES } from "../../sim/ways.ts";

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
