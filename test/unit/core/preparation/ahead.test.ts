import { expect, test } from "vitest";
import { planAhead, type KnownStep } from "../../../../src/core/preparation/ahead.ts";
import { step } from "../../../support/steps.ts";

const expand = step("expand", { work: { kind: "expand" }, required: false });
const known = (name: string, more: Partial<KnownStep> = {}): KnownStep => ({
  name,
  digest: `of ${name}`,
  state: "waiting",
  workedMs: 0,
  remainingMs: null,
  progress: null,
  ...more,
});

test("each step has the best that is known of it: its rate, its last time, its size; and the deployment gets shorter by what it waits for", () => {
  const steps = ["a", "b", "c", "d", "e", "f"].map((name) =>
    step(name, { throttle: name === "d" ? 50 : 100, required: name !== "f" }),
  );
  const plan = planAhead({
    steps: [...steps, expand],
    known: [
      known("a", { state: "done", workedMs: 60_000, remainingMs: 0 }),
      known("b", { state: "running", remainingMs: 9_500, progress: { etaMs: 9_500 } }),
      known("c", { digest: "of another", state: "done", workedMs: 7_000, remainingMs: 0 }),
      known("f", { remainingMs: 4_000 }),
    ],
    sizes: new Map([["d", { seconds: 3, basis: "150,000 rows" }]]),
    expansion: [
      { id: "e1", title: "add a column", expected: null },
      { id: "e2", title: "build an index", expected: { seconds: 5, basis: "2,000,000 rows" } },
    ],
  });
  expect(plan.items.map(({ name, state, seconds, basis }) => [name, state, seconds, basis])).toEqual([
    ["a", "done", 0, "it is done"],
    ["b", "running", 10, "at the rate it goes"],
    ["c", null, 7, "as long as it took with another content"],
    ["d", null, 6, "150,000 rows, 50 % of the time"],
    ["e", null, null, "it was never run"],
    ["f", "waiting", 4, "as long as it took the last time"],
    ["expand", null, 5, "2 actions: 1 by size, 1 O(1)"],
  ]);
  expect(plan).toMatchObject({ shorterSeconds: 10 + 7 + 6 + 5, unknown: ["e"] });
});

test("what was expanded ahead makes the deployment no shorter any more", () => {
  const done = known("expand", { state: "done", remainingMs: 0 });
  expect(planAhead({ steps: [expand], known: [done], sizes: new Map(), expansion: [] })).toMatchObject({
    shorterSeconds: 0,
    unknown: [],
  });
});
