import { commandOf, given, runOf } from "./command-line.ts";
import { KNOWN_SEEDS } from "./known-seeds.ts";
import type { RunOptions } from "./run.ts";
import { crashPoints, judge, meddledSteps, simulate, type Verdict } from "./runs.ts";
import { scale } from "./scale.ts";
import { MEDDLED_STEPS_WAY, STEPS_WAY } from "./steps/run.ts";
import { onThreads } from "./threads.ts";
import { WAY_NAMES } from "./ways.ts";

const USAGE = `npm run sim -- [options]

  --seeds 10000 [--from 1]     so many seeds, on all cores, then every crash point
  --crash-points [--way NAME]  only the crash points, of all ways or of one
  --crash-every 10             not all of them
  --seed 42                    one seed; with --journal, with its journal
  --steps                      only what runs ahead of deployments, seeds and crash points
  --way NAME [--crash-at 17 --crash-when before|after|stall]
                               one way through, calm, or with the engine crashing at that port call
  --scale 10000 [--batches 100]  a rollout of so many instances; says what it cost
  --first                      ends with the first run that fails
  --threads 2                  not on all cores

Ways: ${WAY_NAMES.join(", ")}; of the steps ahead of a deployment ${STEPS_WAY}, ${MEDDLED_STEPS_WAY}.`;

const values = given(process.argv.slice(2));
const PROGRESS_MS = 10_000;

if (values.help) console.log(USAGE);
else if (values.scale !== undefined) await runScale(Number(values.scale), Number(values.batches));
else if (values["crash-points"]) await runMany(await everyCrashPoint(values.way === undefined ? ways() : [values.way]));
else if (values.seed !== undefined || values.way !== undefined) await runOne();
else if ((await runMany(seeds())) || !values.first) await runMany(await everyCrashPoint(ways()));

function ways(): readonly string[] {
  return values.steps ? [STEPS_WAY] : [...WAY_NAMES, STEPS_WAY];
}

/** Every way untouched comes first, then the seeds that once found something. Steps take ten times as long as a deployment. */
function seeds(): readonly RunOptions[] {
  const asked = Array.from({ length: Number(values.seeds) }, (_, index) => Number(values.from) + index);
  const untouched = ways().map((way) => ({ seed: 1, way }));
  if (values.steps) return [...untouched, ...asked.map(meddledSteps)];
  const deployments = [...KNOWN_SEEDS.map(([seed]) => seed), ...asked].map((seed) => ({ seed }));
  return [...untouched, ...deployments, ...asked.slice(0, Math.ceil(asked.length / 10)).map(meddledSteps)];
}

async function everyCrashPoint(ways: readonly string[]): Promise<readonly RunOptions[]> {
  const points = await Promise.all(
    ways.map(async (way) => {
      const { calls } = await judge({ seed: 1, way });
      return crashPoints(way, calls, { every: Number(values["crash-every"]) });
    }),
  );
  return points.flat();
}

async function runOne(): Promise<void> {
  const options = runOf(values);
  const { journal, ...result } = await simulate(options);
  if (values.journal) console.log(journal);
  tell([{ options, ...result }]);
}

/** True if none failed. */
async function runMany(runs: readonly RunOptions[]): Promise<boolean> {
  const started = performance.now();
  const verdicts: Verdict[] = [];
  let told = started;
  await onThreads(runs, Number(values.threads), (verdict) => {
    verdicts.push(verdict);
    if (verdict.violations.length > 0) console.log(complaint(verdict));
    if (performance.now() - told >= PROGRESS_MS) {
      told = performance.now();
      console.error(`${String(verdicts.length)} of ${String(runs.length)} runs, ${String(failedOf(verdicts).length)} failed`);
    }
    return !values.first || verdict.violations.length === 0;
  });
  return tell(verdicts, `in ${((performance.now() - started) / 1_000).toFixed(0)} s on ${values.threads} threads`);
}

function tell(verdicts: readonly Verdict[], cost = ""): boolean {
  const failed = failedOf(verdicts);
  const outcomes = [...Map.groupBy(verdicts, ({ outcome }) => outcome)].map(([name, all]) => `${name} ${String(all.length)}`);
  if (cost === "") for (const verdict of failed) console.log(complaint(verdict));
  const count = `${String(verdicts.length)} run${verdicts.length === 1 ? "" : "s"}`;
  console.log(`${[count, cost].join(" ").trim()}: ${String(failed.length)} failed; how they ended: ${outcomes.join(", ")}`);
  if (failed.length > 0) process.exitCode = 1;
  return failed.length === 0;
}

function failedOf(verdicts: readonly Verdict[]): readonly Verdict[] {
  return verdicts.filter(({ violations }) => violations.length > 0);
}

function complaint({ options, violations }: Verdict): string {
  return `${violations.join("; ")}\n  repeat: ${commandOf(options)} --journal`;
}

/** What it cost is that of this whole process: the first release and the start of Node are in it. */
async function runScale(instances: number, batches: number): Promise<void> {
  const { violations, entries, outcome } = await scale(instances, batches);
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const cpu = (userCPUTime + systemCPUTime) / 1e6;
  console.log(
    `${String(instances)} instances in ${String(batches)} batches: ${outcome}, ${String(entries)} journal entries, ` +
      `${cpu.toFixed(1)} s of CPU, at most ${String(Math.round(maxRSS / 1024))} MB of memory`,
  );
  for (const violation of violations) console.log(`  ${violation}`);
  process.exitCode = violations.length === 0 && outcome === "done" ? 0 : 1;
}
