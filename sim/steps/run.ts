import { createRng, type Rng } from "../../src/base/rng.ts";
import type { StepDefinition } from "../../src/core/preparation/step-definition.ts";
import type { StepOperation } from "../../src/core/preparation/operations.ts";
import type { StepRecord } from "../../src/core/preparation/step-record.ts";
import type { RunOptions, RunResult } from "../run.ts";
import { ROWS } from "./database.ts";
import { simSteps } from "./definitions.ts";
import { PIECES } from "./programs.ts";
import { APP, StepWorld } from "./world.ts";

/** Ways through the steps of a release: without chance faults; or with them, and with people who get in the way. */
export const STEPS_WAY = "steps";
export const MEDDLED_STEPS_WAY = "steps-meddled";

export function isStepsWay(way: string | undefined): boolean {
  return way === STEPS_WAY || way === MEDDLED_STEPS_WAY;
}

/** An hour of the simulated world, in which all steps come to their end. */
const LONGEST_MS = 60 * 60_000;
const ASK_EVERY_MS = 3_000;

/** One release's steps, from the preparation to the moment at which a deployment may begin. */
export async function runSteps({ seed, way, crashAt = 0, crashWhen = "before" }: RunOptions): Promise<RunResult> {
  const calm = way === STEPS_WAY;
  const rng = createRng(seed);
  const steps = simSteps(rng);
  const faultShare = calm ? 0 : rng.pick([0, 0.02, 0.1]);
  const world = new StepWorld({ rng, steps, crash: { at: crashAt, when: crashWhen }, faultShare });
  void world.boot();
  const end = world.clock.monotonic() + LONGEST_MS;
  for (let askAt = 0; world.clock.monotonic() < end && !isOver(world, steps);) {
    await world.step();
    if (world.clock.monotonic() < askAt) continue;
    askAt = world.clock.monotonic() + ASK_EVERY_MS;
    if (!calm) world.load = rng.pick([0, 0, 0, 2]);
    void operate(world, steps, calm ? null : rng).catch(() => undefined);
  }
  judgeEnd(world, steps);
  const { watch, crash, journal } = world;
  return { violations: watch.violations, calls: crash.calls, journal: journal.join("\n"), outcome: endOf(world, steps) };
}

function endOf(world: StepWorld, steps: readonly StepDefinition[]): string {
  return isOver(world, steps) ? "steps done" : "steps left";
}

function isOver({ records }: StepWorld, steps: readonly StepDefinition[]): boolean {
  return records.length === steps.length && records.every(({ state }) => state === "done");
}

/** What people do meanwhile: they prepare, try to deploy, approve, and let go on what stands. `rng`: and get in the way. */
async function operate(world: StepWorld, steps: readonly StepDefinition[], rng: Rng | null): Promise<void> {
  const { desk } = world;
  if (desk === null) return;
  if (world.records.length < steps.length) await world.prepare();
  if (await world.admits()) judgeAdmission(world, steps);
  for (const record of desk.list(APP)) {
    const { definition, state, failure } = record;
    if (state === "failed") world.watch.say(`${definition.name} failed: ${failure?.what ?? ""}`);
    const operation = orderFor(record) ?? (state === "running" && rng?.chance(0.05) === true ? "pause" : null);
    if (operation !== null) world.orders.set(definition.name, (world.orders.get(definition.name) ?? 0) + 1);
    if (operation !== null) await desk.tell(APP, definition.name, { operation, by: "sim", percent: null });
  }
}

function orderFor({ definition: { work }, state, approvedBy }: StepRecord): StepOperation | null {
  if (state === "running" && work.kind === "wait" && approvedBy === null) return "approve";
  return state === "paused" || state === "incomplete" ? "resume" : null;
}

/** A deployment begins only when what it requires is done. */
function judgeAdmission(world: StepWorld, steps: readonly StepDefinition[]): void {
  for (const step of steps)
    if (step.required && shortOf(world, step) !== null) world.watch.say(`a deployment passed ${step.name}`);
}

function judgeEnd(world: StepWorld, steps: readonly StepDefinition[]): void {
  const open = world.records.filter(({ state }) => state !== "done");
  for (const { definition, state, reason } of open)
    world.watch.say(`${definition.name} is ${state} for ever: ${reason ?? "nobody knows why"}`);
  if (open.length > 0) return;
  for (const step of steps) {
    const wrong = shortOf(world, step);
    if (wrong !== null) world.watch.say(`${step.name} is done, but ${wrong}`);
  }
}

/** What its effect lacks; null: it is there, exactly once (a request: at least once; a program does a piece again that its checkpoint does not name). */
function shortOf({ watch, requests }: StepWorld, { name, work }: StepDefinition): string | null {
  if (work.kind === "http") return requests > 0 ? null : "nobody was asked";
  if (work.kind === "wait" || work.kind === "expand") return null;
  const units = work.kind === "update" ? ROWS : work.kind === "sql" ? 1 : PIECES;
  const counts = Array.from({ length: units }, (_, unit) => watch.count(name, String(unit)));
  const wrong = counts.findIndex((count) => count !== 1);
  return wrong < 0 ? null : `unit ${String(wrong)} was done ${String(counts[wrong])} times`;
}
