import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import type { DeploymentStatus, VerdictStatus } from "../../../src/api/daemon.ts";
import { Output } from "../../../src/cli/output.ts";
import { openVerdicts, verdictCounts, verdictTable } from "../../../src/cli/render/verdicts.ts";

const plain = new Output(new PassThrough() as unknown as NodeJS.WriteStream, new PassThrough() as unknown as NodeJS.WriteStream);

const PASSED: VerdictStatus = {
  name: "smoke",
  kind: "command",
  batch: 1,
  verdict: "pass",
  overruled: false,
  retried: false,
  summary: "smoke passed",
  figures: {},
  details: ["not shown"],
  startedAt: 0,
  endedAt: 1_200,
};
const FAILED: VerdictStatus = {
  ...PASSED,
  name: "the default gate",
  kind: "watch",
  verdict: "fail",
  summary: "the new release is worse: 20 % of its requests fail, of the old release 0 %",
  figures: { newRequests: 40, newErrors: 8, share: 0.2 },
  details: ["compared with the old release in the same time"],
};
const UNDECIDED: VerdictStatus = { ...FAILED, verdict: "not-enough-data", overruled: true, summary: "too few requests" };
const RUNNING: VerdictStatus = { ...PASSED, verdict: null, summary: null, endedAt: null };

const of = (...verdicts: readonly VerdictStatus[]): DeploymentStatus => ({ verdicts }) as unknown as DeploymentStatus;

test("a report shows each verdict with its reason and duration, and of what did not pass the figures and what was seen", () => {
  const text = verdictTable(of(PASSED, FAILED, UNDECIDED), plain).join("\n");
  expect(text).toMatch(/pass +smoke +1 +1\.2 s +smoke passed/);
  expect(text).not.toContain("not shown");
  expect(text).toMatch(/fail +the default gate +1 +1\.2 s +the new release is worse: 20 %/);
  expect(text).toContain("  newRequests 40, newErrors 8, share 0.2");
  expect(text).toContain("  compared with the old release in the same time");
  expect(text).toMatch(/not enough data, went on +the default gate/);
});

test("a status shows what runs and what did not pass", () => {
  const retried = { ...FAILED, retried: true };
  expect(verdictTable(of(retried), plain).join("\n")).toContain("fail, tried again");
  expect(openVerdicts(of(PASSED, RUNNING, UNDECIDED, retried), plain, 3_000)).toEqual([
    "runs  smoke: for 3 s",
    "not enough data, went on  the default gate: too few requests",
  ]);
});

test("a history counts them", () => {
  expect(verdictCounts(of(PASSED, PASSED, UNDECIDED, RUNNING))).toBe("2 pass, 1 not enough data");
  expect(verdictCounts(of())).toBe("");
});
