/** What counts as passed and failed. Skipped tests are named and never counted as passed; failed ones are named with the beginning of the reason. */
export interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
  readonly failures: readonly string[];
}

/** The part of Vitest's JSON report that is read here. */
export interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Of a failure's message: its reason, seldom its stack. */
const LINES_OF_A_REASON = 6;

/** A check without tests of its own, such as the linter, counts as one test. */
export function countCheck(succeeded: boolean): Count {
  return { passed: succeeded ? 1 : 0, failed: succeeded ? 0 : 1, skipped: [], failures: [] };
}

/**
 * The tests of one run of Vitest. What failed outside any test counts as one failure: a file that did not load, an unhandled rejection (a bad
 * exit without a failed test), a run that left no report or contained no test.
 */
export function countTests(report: VitestReport | null, succeeded: boolean): Count {
  if (report === null) return countCheck(false);
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  const passed = tests.filter((test) => test.status === "passed").length;
  const failures = tests
    .filter((test) => test.status === "failed")
    .map((test) => reason(test.fullName, test.failureMessages.join("\n")));
  const brokenFiles = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  failures.push(...brokenFiles.map((file) => reason(file.name, file.message)));
  const skipped = tests.filter((test) => test.status !== "passed" && test.status !== "failed").map((test) => test.fullName);
  const silent = failures.length === 0 && (!succeeded || tests.length === 0) ? 1 : 0;
  return { passed, failed: failures.length + silent, skipped, failures };
}

const reason = (name: string, message: string): string =>
  [name, ...message.split("\n", LINES_OF_A_REASON).map((line) => `    ${line}`)].join("\n");

export function sum(counts: readonly Count[]): Count {
  return {
    passed: counts.reduce((total, count) => total + count.passed, 0),
    failed: counts.reduce((total, count) => total + count.failed, 0),
    skipped: counts.flatMap((count) => count.skipped),
    failures: counts.flatMap((count) => count.failures),
  };
}
