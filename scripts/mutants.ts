/**
 * `npm run mutants`: puts one fault after the other into a copy of the tree and sees whether the unit tests of core and engine or the simulation
 * catch it. Says `caught` or `NOT CAUGHT` for each; ends with a failure if one was not caught. `npm run mutants -- drain` runs those with that word.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly good: string;
  readonly bad: string;
}

const LIMIT_MS = 120_000;

const MUTANTS: readonly Mutant[] = [
  {
    name: "signal before drain",
    file: "src/core/steps.ts",
    good: 'done: routesApplied, next: "draining"',
    bad: 'done: routesApplied, next: "stopping"',
  },
  {
    name: "take away before the new table is acknowledged",
    file: "src/core/steps.ts",
    good: "return draft.state.routes.appliedRevision >= deployment.awaitedRevision;",
    bad: "return deployment.awaitedRevision >= 0;",
  },
  {
    name: "add to routes before ready",
    file: "src/core/steps.ts",
    good: '=== "serving"),\n    next: "adding"',
    bad: '!== "starting"),\n    next: "adding"',
  },
  {
    name: "forget to go back after a failed start",
    file: "src/core/exits.ts",
    good: "    goBack(draft, failure);\n",
    bad: "",
  },
  {
    name: "forget the drained instances when going back",
    file: "src/core/going-back.ts",
    good: "  rejoinDraining(draft);\n",
    bad: "",
  },
  {
    name: "stop what is being drained when going back again",
    file: "src/core/going-back.ts",
    good: ' && instance.status !== "draining"',
    bad: "",
  },
  {
    name: "retire one too many",
    file: "src/core/plan.ts",
    good: "keep: move.old - gone,",
    bad: "keep: Math.max(0, move.old - gone - 1),",
  },
  {
    name: "a table keeps its revision",
    file: "src/core/route-tables.ts",
    good: "revision: state.routes.revision + 1",
    bad: "revision: state.routes.revision",
  },
  {
    name: "no new table after a restart of the daemon",
    file: "src/core/recovery.ts",
    good: "syncRoutes(draft, { force: true });",
    bad: "syncRoutes(draft);",
  },
  {
    name: "keep the old epoch",
    file: "src/core/recovery.ts",
    good: "patch(draft, { epoch: event.epoch });",
    bad: "patch(draft, { epoch: Math.max(1, draft.state.epoch) });",
  },
  {
    name: "run commands before they are in the journal",
    file: "src/engine/app-engine.ts",
    good: "    await this.#journal(event, decision);\n",
    bad: "    for (const command of decision.commands) this.#start(command);\n    await this.#journal(event, decision);\n",
  },
  {
    name: "never take up what was intended",
    file: "src/engine/app-engine.ts",
    good: "    for (const command of unsettled) this.#takeUp(command);\n",
    bad: "",
  },
  {
    name: "a late word of readiness routes a stopped instance",
    file: "src/core/supervision.ts",
    good: 'instance?.status !== "serving" || ',
    bad: "instance === undefined || ",
  },
];

function copyTree(): string {
  const root = mkdtempSync(join(tmpdir(), "hl-mutants-"));
  for (const part of ["src", "sim", "test", "scripts", "package.json", "tsconfig.json", "vitest.config.ts"])
    cpSync(part, join(root, part), { recursive: true });
  symlinkSync(resolve("node_modules"), join(root, "node_modules"));
  return root;
}

/** True when at least one test failed. The unit tests are the quicker ones. */
function isCaught(root: string): boolean {
  return fails(root, "unit", ["test/unit/core", "test/unit/engine"]) || fails(root, "simulation", []);
}

function fails(root: string, project: string, where: readonly string[]): boolean {
  const vitest = join("node_modules", "vitest", "vitest.mjs");
  const args = [vitest, "run", "--bail=1", "--project", project, ...where];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "ignore", timeout: LIMIT_MS, killSignal: "SIGKILL" });
  return status !== 0;
}

function examine(root: string, { file, good, bad }: Mutant): string {
  const path = join(root, file);
  const text = readFileSync(path, "utf8");
  if (text.split(good).length !== 2) return `NOT CAUGHT: its place in ${file} is gone or not the only one`;
  writeFileSync(
    path,
    text.replace(good, () => bad),
  );
  try {
    return isCaught(root) ? "caught" : "NOT CAUGHT";
  } finally {
    writeFileSync(path, text);
  }
}

function main(words: readonly string[]): void {
  const root = copyTree();
  let missed = 0;
  try {
    if (isCaught(root)) throw new Error("the tests fail without any fault; nothing can be told");
    for (const mutant of MUTANTS.filter(({ name }) => words.every((word) => name.includes(word)))) {
      const result = examine(root, mutant);
      if (result !== "caught") missed += 1;
      console.log(`${result}: ${mutant.name}`);
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  console.log(missed === 0 ? "every fault was caught" : `${missed} faults were not caught`);
  if (missed > 0) process.exitCode = 1;
}

main(process.argv.slice(2));
