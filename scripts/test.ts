/**
 * `npm test`: every check and every test, and as the last line what came out: `N passed, N failed`.
 * `npm test -- lint unit` runs only the named parts.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { succeeds } from "./bounded-program.ts";
import { type Count, countCheck, countTests, sum, type VitestReport } from "./test-count.ts";

interface Part {
  readonly name: string;
  readonly run: () => Promise<Count>;
}

/** What hangs must fail while there is still time to say so: a part within its limit, everything together within an hour, on a slow machine. */
const CHECK_LIMIT_MS = 420_000;
const TESTS_LIMIT_MS = 1_200_000;
const DEADLINE = performance.now() + 3_600_000;

/** Each uses one processor: lint, the longest, runs beside the others. */
const CHECKS: readonly (readonly Part[])[] = [["lint"], ["types", "layers", "deadcode", "format:check"]].map((lane) =>
  lane.map((name) => ({ name, run: () => check(name) })),
);
const TESTS: readonly Part[] = ["unit", "simulation", "integration", "e2e", "e2e-alone"].map((name) => ({
  name,
  run: () => tests(name),
}));

async function check(script: string): Promise<Count> {
  return countCheck(await succeeds("npm", ["run", "--silent", script], { limitMs: within(CHECK_LIMIT_MS), output: "together" }));
}

/** A limit, or less where the time for everything is over before. */
const within = (limitMs: number): number => Math.max(1, Math.min(limitMs, DEADLINE - performance.now()));

async function tests(project: string): Promise<Count> {
  const directory = mkdtempSync(join(tmpdir(), "hl-test-"));
  try {
    const report = join(directory, "report.json");
    const vitest = join("node_modules", "vitest", "vitest.mjs");
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const succeeded = await succeeds(process.execPath, [vitest, "run", "--project", project, ...reporters], {
      limitMs: within(TESTS_LIMIT_MS),
      output: "at once",
    });
    return countTests(readReport(report), succeeded);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function readReport(path: string): VitestReport | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as VitestReport;
  } catch {
    return null;
  }
}

interface Result {
  readonly count: Count;
  readonly line: string;
}

async function resultOf({ name, run }: Part): Promise<Result> {
  console.log(`\n── ${name} ──`);
  const started = performance.now();
  const count = await run();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const verdict = count.failed === 0 ? "ok    " : "FAILED";
  return { count, line: `${verdict} ${name}: ${count.passed} passed, ${count.failed} failed, ${seconds} s` };
}

async function inOrder(parts: readonly Part[]): Promise<Result[]> {
  const results: Result[] = [];
  for (const part of parts) results.push(await resultOf(part));
  return results;
}

async function main(names: readonly string[]): Promise<void> {
  const all = [...CHECKS.flat(), ...TESTS].map(({ name }) => name);
  const unknown = names.filter((name) => !all.includes(name));
  if (unknown.length > 0) throw new Error(`No such part: ${unknown.join(", ")}. Parts: ${all.join(", ")}.`);
  const wanted = ({ name }: Part): boolean => names.length === 0 || names.includes(name);
  const checks = await Promise.all(CHECKS.map((lane) => inOrder(lane.filter(wanted))));
  const results = [...checks.flat(), ...(await inOrder(TESTS.filter(wanted)))];
  const total = sum(results.map(({ count }) => count));
  console.log(`\n${results.map(({ line }) => line).join("\n")}`);
  for (const failure of total.failures) console.log(`failed: ${failure}`);
  for (const name of total.skipped) console.log(`skipped: ${name}`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  if (total.failed > 0) process.exitCode = 1;
}

await main(process.argv.slice(2));
