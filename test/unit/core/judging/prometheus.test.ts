import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addReading,
  filled,
  judgeReadings,
  NO_READINGS,
  readAnswer,
  type Reading,
} from "../../../../src/core/judging/prometheus.ts";
import type { PrometheusTask } from "../../../../src/core/task.ts";

const TASK: PrometheusTask = {
  kind: "prometheus",
  name: "the error share",
  url: "http://prometheus:9090",
  query: "up",
  pass: { max: 0.05 },
  everyMs: 1_000,
  forMs: 10_000,
  failures: 2,
  timeoutMs: 1_000,
};

function answer(resultType: string, result: unknown): Reading {
  return readAnswer(200, JSON.stringify({ status: "success", data: { resultType, result } }));
}

function vector(...values: readonly string[]): Reading {
  return answer(
    "vector",
    values.map((value) => ({ metric: {}, value: [1, value] })),
  );
}

/** The verdict after these readings, of which the last one ends the time. */
function verdict(...readings: readonly Reading[]): string | undefined {
  let all = NO_READINGS;
  for (const [index, reading] of readings.entries()) {
    all = addReading(all, reading, TASK);
    const result = judgeReadings(all, reading, TASK, index === readings.length - 1);
    if (result !== null) return `${result.verdict} after ${String(index + 1)}`;
  }
  return undefined;
}

const GOOD = vector("0.01");
const BAD = vector("0.2");
const NONE = vector();

test("vectors and scalars are numbers", () => {
  expect(vector("0.5", "1e3")).toEqual({ values: [0.5, 1_000] });
  expect(answer("scalar", [1, "7"])).toEqual({ values: [7] });
});

describe("scenario 63: no data", () => {
  test.each([
    ["NaN", vector("NaN"), "the value NaN"],
    ["NaN among numbers", vector("1", "NaN"), "the value NaN"],
    ["an infinity", vector("+Inf"), "the value +Inf"],
    ["a value that is empty", vector(""), "the value "],
    ["an empty result", NONE, "an empty result"],
    ["a range", answer("matrix", [{ values: [[1, "1"]] }]), "a result of type matrix"],
    ["garbage", readAnswer(200, "<html>"), "no JSON object"],
    ["a list", readAnswer(200, "[]"), "no JSON object"],
    ["no data", readAnswer(200, '{"status":"success"}'), "without data"],
    ["an error", readAnswer(400, '{"status":"error","error":"parse error"}'), "HTTP 400: parse error"],
  ])("is %s", (_name, reading, why) => {
    expect(reading).toMatchObject({ none: expect.stringContaining(why) as string });
  });

  test("whatever the server says: it is read without a fault, and what is read is finite", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), fc.integer({ min: 100, max: 599 }), (body, status) => {
        const reading = readAnswer(status, body);
        if ("values" in reading) for (const value of reading.values) expect(Number.isFinite(value)).toBe(true);
      }),
    );
  });
});

describe("the verdict", () => {
  test("is a pass where every value is within bounds", () => {
    expect(verdict(GOOD, GOOD, GOOD)).toBe("pass after 3");
  });

  test("is a failure as soon as so many in a row are out of bounds", () => {
    expect(verdict(GOOD, BAD, BAD, GOOD)).toBe("fail after 3");
    expect(verdict(BAD, GOOD, BAD, GOOD)).toBe("pass after 4");
    expect(verdict(GOOD, GOOD, BAD)).toBe("fail after 3");
  });

  test("is not-enough-data without data at the end or most of the time, and never a pass", () => {
    expect(verdict(NONE, NONE)).toBe("not-enough-data after 2");
    expect(verdict(GOOD, GOOD, NONE)).toBe("not-enough-data after 3");
    expect(verdict(NONE, NONE, GOOD)).toBe("not-enough-data after 3");
    expect(verdict(NONE, GOOD, GOOD)).toBe("pass after 3");
  });

  test("counts no gap as a good value", () => {
    expect(verdict(BAD, NONE, BAD, GOOD)).toBe("fail after 3");
  });
});

test("a query is filled with what the deployment is about", () => {
  expect(filled('errors{release="${release}"} / ${other}', { release: "r2" })).toBe('errors{release="r2"} / ${other}');
});
