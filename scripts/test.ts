/**
 * `npm test`: every check and every test, and as the last line what came out: `N passed, N failed`.
 * `npm test -- lint unit` runs only the named parts.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Count, countCheck, countTests, sum, type VitestReport } from "./test-count.ts";

interface Part {
  readonly name: string;
  readonly run: () => Promise<Count>;
}

/** What hangs must fail while there is still time to say so: a part within its limit, everything together within an hour, on a slow machine. */
const CHECK_LIMIT_MS = 300_000;
const TESTS_LIMIT_MS = 1_200_000;
const DEADLINE = performance.now() + 3_600_000;

const PARTS: readonly Part[] = [
  ...["format:check", "lint", "types", "layers", "deadcode"].map((name) => ({ name, run: () => check(name) })),
  ...["unit", "simulation", "integration", "e2e"].map((name) => ({ name, run: () => tests(name) })),
];

async function check(script: string): Promise<Count> {
  return countCheck(await succeeds("npm", ["run", "--silent", script], CHECK_LIMIT_MS));
}

async function tests(project: string): Promise<Count> {
  const directory = mkdtempSync(join(tmpdir(), "hl-test-"));
  try {
    const report = join(directory, "report.json");
    const vitest = join("node_modules", "vitest", "vitest.mjs");
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const succeeded = await succeeds(process.execPath, [vitest, "run", "--project", project, ...reporters], TESTS_LIMIT_MS);
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

/** Runs a program with our own output; at the limit its whole process group is ended. */
async function succeeds(command: string, args: readonly string[], limitMs: number): Promise<boolean> {
  const ms = Math.min(limitMs, DEADLINE - performance.now());
  if (ms <= 0) {
    console.error("Not started: the time for all parts together is over.");
    return false;
  }
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"], detached: true });
  const stop = (): void => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  };
  const interrupted = (): void => {
    stop();
    process.exit(130);
  };
  const limit = setTimeout(() => {
    console.error(`Not finished within ${Math.round(ms / 1000)} s: ${command} ${args.join(" ")}`);
    stop();
  }, ms);
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  child.once("error", () => {
    resolve(false);
  });
  child.once("exit", (code) => {
    resolve(code === 0);
  });
  const succeeded = await promise;
  clearTimeout(limit);
  process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
  return succeeded;
}

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !PARTS.some((part) => part.name === name));
  if (unknown.length > 0)
    throw new Error(`No such part: ${unknown.join(", ")}. Parts: ${PARTS.map(({ name }) => name).join(", ")}.`);
  const counts: Count[] = [];
  const lines: string[] = [];
  for (const { name, run } of PARTS.filter((part) => names.length === 0 || names.includes(part.name))) {
    console.log(`\n── ${name} ──`);
    const started = performance.now();
    const count = await run();
    counts.push(count);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    lines.push(
      `${count.failed === 0 ? "ok    " : "FAILED"} ${name}: ${count.passed} passed, ${count.failed} failed, ${seconds} s`,
    );
  }
  const total = sum(counts);
  console.log(`\n${lines.join("\n")}`);
  for (const name of total.skipped) console.log(`skipped: ${name}`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  if (total.failed > 0) process.exitCode = 1;
}

await main(process.argv.slice(2));
