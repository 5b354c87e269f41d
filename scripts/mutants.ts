/**
 * `npm run mutants [-- WORD …]`: puts one fault after the other into copies of the tree, and sees whether the simulation finds it. Says after how
 * long, and which rule was seen broken; ends with a failure if a fault was not found, or if its place is not there any more.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { FAULTS, isStale, type Fault } from "./mutants/faults.ts";

/** Seeds that a fault has time for, and how long; most are found within some tens. Every crash point comes after them. */
const SEEDS = 1_000;
const LIMIT_MS = 180_000;
/** Without any fault nothing may be found. */
const NONE: Fault = { name: "none", file: "package.json", good: '"sim"', bad: '"sim"' };
const SEEDS_OF_NONE = 100;

interface Finding {
  readonly found: boolean;
  /** The broken rule, or why nothing was found. */
  readonly what: string;
  readonly seconds: number;
}

/** The fault is only ever in a copy. */
async function examine(fault: Fault, seeds: number): Promise<Finding> {
  const root = mkdtempSync(join(tmpdir(), "hl-mutant-"));
  try {
    for (const part of ["src", "sim", "package.json"]) cpSync(part, join(root, part), { recursive: true });
    symlinkSync(resolve("node_modules"), join(root, "node_modules"));
    const path = join(root, fault.file);
    writeFileSync(
      path,
      readFileSync(path, "utf8").replace(fault.good, () => fault.bad),
    );
    return await hunt(root, seeds);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function hunt(root: string, seeds: number): Promise<Finding> {
  const started = performance.now();
  const args = ["sim/main.ts", "--first", "--threads", "1", "--crash-every", "10", "--seeds", String(seeds)];
  const simulation = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "ignore"], timeout: LIMIT_MS });
  let said = "";
  simulation.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  return new Promise((done) => {
    simulation.on("close", (code, signal) => {
      const seconds = (performance.now() - started) / 1_000;
      const [rule = ""] = said.split("\n");
      if (said.includes("repeat:")) done({ found: true, what: rule, seconds });
      else if (signal !== null) done({ found: false, what: `nothing in ${String(LIMIT_MS / 1_000)} s`, seconds });
      else done({ found: false, what: code === 0 ? "nothing" : `the simulation broke off with code ${String(code)}`, seconds });
    });
  });
}

function row({ name }: Fault, { found, what, seconds }: Finding): string {
  return `${found ? "found    " : "NOT FOUND"}  ${seconds.toFixed(1).padStart(6)} s  ${name}: ${what.slice(0, 120)}`;
}

async function examineAll(faults: readonly Fault[]): Promise<number> {
  const left = [...faults];
  let missed = 0;
  const work = async (): Promise<void> => {
    for (let fault = left.shift(); fault !== undefined; fault = left.shift()) {
      const finding = await examine(fault, SEEDS);
      if (!finding.found) missed += 1;
      console.log(row(fault, finding));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return missed;
}

async function main(words: readonly string[]): Promise<void> {
  const stale = FAULTS.filter(isStale);
  if (stale.length > 0)
    throw new Error(`these places are gone, or not the only ones: ${stale.map(({ name }) => name).join("; ")}`);
  const none = await examine(NONE, SEEDS_OF_NONE);
  if (none.what !== "nothing") throw new Error(`without any fault: ${none.what}`);
  const faults = FAULTS.filter(({ name }) => words.every((word) => name.includes(word)));
  const missed = await examineAll(faults);
  console.log(`${String(faults.length - missed)} of ${String(faults.length)} faults were found`);
  if (missed > 0) process.exitCode = 1;
}

await main(process.argv.slice(2));
