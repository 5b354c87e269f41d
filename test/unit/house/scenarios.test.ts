import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const TESTS = join(import.meta.dirname, "../..");
/** `scenario 48`, `scenarios 27, 28 and 31`: at the beginning of what a test is called. */
const NAMED = /["'`]scenarios? (\d+(?:(?:, | and )\d+)*)/g;

const range = (from: number, to: number): readonly number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** Those of replacement, readiness, drain, blue-green, canary, hooks, crashes and the command line; others belong to other parts. */
const OF_THE_ENGINE = [...range(1, 38), ...range(45, 68), 72, ...range(76, 83), 97, ...range(103, 108)];

test("every scenario of a deployment has a test of its name", () => {
  const texts = globSync("**/*.test.ts", { cwd: TESTS }).map((file) => readFileSync(join(TESTS, file), "utf8"));
  const named = new Set(texts.flatMap((text) => [...text.matchAll(NAMED)].flatMap(([, list = ""]) => list.match(/\d+/g) ?? [])));
  expect(OF_THE_ENGINE.filter((number) => !named.has(String(number)))).toEqual([]);
});
