/**
 * `npm run mutants [-- WORD …]`: puts one fault after the other into copies of the tree, and sees whether the simulation finds it. Says after how
 * long, and which rule was seen broken; ends with a failure if a fault was not found, or if its place is not there any more.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { FAULTS, isStale, type Fault } from "./mutants/faults.ts";
import { STEP_FAULTS } from "./mutants/step-faults.ts";

/** Seeds that a fault has time for, and how long; most are found within some tens. Every crash point comes after them. */
const SEEDS = 1_000;
const LIMIT_MS = 180_000;
/** Without any fault nothing may be found. */
const NONE: Fault = { name: "none", file: "package.json", good: '"sim"', bad: '"sim"' };
const SEEDS_OF_NONE = 100;

/** A fault, and the part of the simulation that must find it. */
interface Hunt {
  readonly fault: Fault;
  readonly part: readonly string[];
}

const ALL: readonly Hunt[] = [
  ...FAULTS.map((fault) => ({ fault, part: [] })),
  ...STEP_FAULTS.map((fault) => ({ fault, part: ["--steps"] })),
];

interface Finding {
  readonly found: boolean;
  /** The broken rule, or why nothing was found. */
  readonly what: string;
  readonly seconds: number;
}

/** The fault is only ever in a copy. */
async function examine({ fault, part }: Hunt, seeds: number): Promise<Finding> {
  const root = mkdtempSync(join(tmpdir(), "hl-mutant-"));
  try {
    for (const part of ["src", "sim", "package.json"]) cpSync(part, join(root, part), { recursive: true });
    symlinkSync(resolve("node_modules"), join(root, "node_modules"));
    const path = join(root, fault.file);
    writeFileSync(
      path,
      readFileSync(path, "utf8").replace(fault.good, () => fault.bad),
    );
    return await hunt(root, [...part, "--seeds", String(seeds)]);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function hunt(root: string, what: readonly string[]): Promise<Finding> {
  const started = performance.now();
  const args = ["sim/main.ts", "--first", "--threads", "1", "--crash-every", "10", ...what];
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

async function examineAll(hunts: readonly Hunt[]): Promise<number> {
  const left = [...hunts];
  let missed = 0;
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const finding = await examine(next, SEEDS);
      if (!finding.found) missed += 1;
      console.log(row(next.fault, finding));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return missed;
}

async function main(words: readonly string[]): Promise<void> {
  const stale = ALL.map(({ fault }) => fault).filter(isStale);
  if (stale.length > 0)
    throw new Error(`these places are gone, or not the only ones: ${stale.map(({ name }) => name).join("; ")}`);
  const none = await examine({ fault: NONE, part: [] }, SEEDS_OF_NONE);
  if (none.what !== "nothing") throw new Error(`without any fault: ${none.what}`);
  const hunts = ALL.filter(({ fault: { name } }) => words.every((word) => name.includes(word)));
  const missed = await examineAll(hunts);
  console.log(`${String(hunts.length - missed)} of ${String(hunts.length)} faults were found`);
  if (missed > 0) process.exitCode = 1;
}

await main(process.argv.slice(2));
