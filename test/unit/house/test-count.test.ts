import { describe, expect, test } from "vitest";
import { countCheck, countTests, sum, type VitestReport } from "../../../scripts/test-count.ts";

const file = (status: string, ...statuses: string[]): VitestReport["testResults"][number] => ({
  name: "some.test.ts",
  status,
  message: "SyntaxError: it does not load",
  assertionResults: statuses.map((each, index) => ({
    status: each,
    fullName: `${each} ${index}`,
    failureMessages: each === "failed" ? ["AssertionError: expected 1 to be 2\n  at line 7"] : [],
  })),
});
const report = (...testResults: VitestReport["testResults"]): VitestReport => ({ testResults });

describe("a run of tests", () => {
  test("counts passed and failed ones, and names those that were skipped", () => {
    const run = report(file("failed", "passed", "failed", "skipped"), file("passed", "passed", "todo", "pending"));
    expect(countTests(run, false)).toMatchObject({ passed: 2, failed: 1, skipped: ["skipped 2", "todo 1", "pending 2"] });
  });

  test("names what failed with the beginning of the reason", () => {
    expect(countTests(report(file("failed", "passed", "failed"), file("failed")), false).failures).toEqual([
      "failed 1\n    AssertionError: expected 1 to be 2\n      at line 7",
      "some.test.ts\n    SyntaxError: it does not load",
    ]);
  });

  test("has one failure more for each file that could not be loaded", () => {
    expect(countTests(report(file("passed", "passed"), file("failed")), false)).toMatchObject({ passed: 1, failed: 1 });
    expect(countTests(report(file("failed", "failed"), file("failed"), file("failed", "passed")), false)).toMatchObject({
      failed: 3,
    });
  });

  test("has failed when it ended badly though every test passed", () => {
    expect(countTests(report(file("passed", "passed")), false)).toMatchObject({ passed: 1, failed: 1 });
  });

  test("has failed when it left no report or contained no test", () => {
    expect(countTests(null, true)).toMatchObject({ passed: 0, failed: 1 });
    expect(countTests(report(), true)).toMatchObject({ passed: 0, failed: 1 });
  });
});

test("a check counts as one", () => {
  expect(countCheck(true)).toMatchObject({ passed: 1, failed: 0 });
  expect(countCheck(false)).toMatchObject({ passed: 0, failed: 1 });
});

test("the total adds everything up", () => {
  const run = countTests(report(file("failed", "passed", "failed", "skipped")), false);
  expect(sum([run, countCheck(true), countCheck(false), run])).toEqual({
    passed: 3,
    failed: 3,
    skipped: ["skipped 2", "skipped 2"],
    failures: [...run.failures, ...run.failures],
  });
});
