import { expect, test } from "vitest";
import { ordered, type StepOperation } from "../../../../src/core/preparation/operations.ts";
import type { StepRecord } from "../../../../src/core/preparation/step-record.ts";
import { record, step } from "../../../support/steps.ts";

const told = (of: StepRecord, operation: StepOperation) => ordered(of, { operation, by: "ada", percent: null, now: 0 });

test("an order that does not fit is refused with those that do", () => {
  expect(told(record(step("0001-a"), { state: "failed" }), "resume")).toMatchObject({
    failure: {
      what: "0001-a is failed: it cannot be told to resume.",
      next: "It can be told to run, cancel, retry: `hitless steps retry 0001-a`.",
    },
  });
  expect(told(record(step("0001-a"), { state: "paused", reason: "paused by bob" }), "pause")).toMatchObject({
    failure: {
      what: "0001-a is paused by bob: it cannot be told to pause.",
      next: "It can be told to run, resume, cancel, throttle: `hitless steps resume 0001-a`.",
    },
  });
  expect(told(record(step("0001-a"), { state: "done" }), "pause")).toMatchObject({
    failure: { next: "There is nothing left to be told; with another content `hitless prepare` begins it anew." },
  });
});
