import { resolve } from "node:path";
import { ESLint } from "eslint";
import { describe, expect, test } from "vitest";

const eslint = new ESLint();

/** The rules against time, chance and the platform that the code breaks in the place of that (existing) file. */
async function brokenRules(code: string, file: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath: resolve(file) });
  const rules = (result?.messages ?? []).map((message) => message.ruleId ?? message.message);
  return rules.filter((rule) => rule.startsWith("no-restricted") || !/^[@a-z]/.test(rule));
}

const FORBIDDEN = [
  ["Date.now()", "no-restricted-properties"],
  ["new Date()", "no-restricted-syntax"],
  ["Date()", "no-restricted-syntax"],
  ["Math.random()", "no-restricted-properties"],
  ["setTimeout(() => undefined, 1)", "no-restricted-globals"],
  ["setInterval(() => undefined, 1)", "no-restricted-globals"],
  ["performance.now()", "no-restricted-globals"],
  ["process.pid", "no-restricted-globals"],
  ["globalThis.process.pid", "no-restricted-syntax"],
] as const;

/** The first use of the compiler costs seconds on a busy machine. */
const LIMIT_MS = 180_000;

describe("code that the simulation repeats", { timeout: LIMIT_MS }, () => {
  test.each(FORBIDDEN)("may not use %s", async (expression, rule) => {
    for (const file of ["src/base/rng.ts", "src/core/plan.ts", "src/ports/clock.ts", "src/engine/engine.ts", "sim/world.ts"])
      expect(await brokenRules(`export const x = ${expression};\n`, file)).toEqual([rule]);
  });

  test("may not import timers or chance either", async () => {
    const code =
      'import { setTimeout as pause } from "node:timers/promises";\nimport { randomUUID } from "node:crypto";\nexport const x = [pause, randomUUID];\n';
    expect(await brokenRules(code, "src/engine/engine.ts")).toEqual(["no-restricted-imports", "no-restricted-imports"]);
  });

  test("may write a given time as a date", async () => {
    expect(await brokenRules("export const x = new Date(0).toISOString();\n", "src/core/plan.ts")).toEqual([]);
  });

  test("is not the adapters, which give it time and chance", async () => {
    for (const [expression] of FORBIDDEN.slice(0, 8))
      expect(await brokenRules(`export const x = ${expression};\n`, "src/adapters/clock/system.ts")).toEqual([]);
  });
});
