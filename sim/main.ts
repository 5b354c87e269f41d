import { parseArgs } from "node:util";
import type { CrashKind } from "./crashing.ts";
import { run } from "./run.ts";
import { scale } from "./scale.ts";

/** `npm run sim -- --seeds 1000 [--from 1]`, `--seed 42 [--crash-at 17 --crash-when before]`, or `--scale 10000 [--batches 100]`. */
const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    "crash-at": { type: "string" },
    "crash-when": { type: "string" },
    calm: { type: "boolean", default: false },
    scale: { type: "string" },
    batches: { type: "string", default: "100" },
    journal: { type: "boolean", default: false },
  },
});

const PROGRESS_EVERY = 500;

if (values.scale === undefined) await runSeeds();
else await runScale(Number(values.scale), Number(values.batches));

async function runSeeds(): Promise<void> {
  const first = Number(values.seed ?? values.from);
  const count = values.seed === undefined ? Number(values.seeds) : 1;
  let failed = 0;
  const outcomes = new Map<string, number>();
  for (let seed = first; seed < first + count; seed += 1) {
    const result = await run({
      seed,
      calm: values.calm,
      ...(values["crash-at"] === undefined ? {} : { crashAt: Number(values["crash-at"]) }),
      ...(values["crash-when"] === undefined ? {} : { crashWhen: crashKind(values["crash-when"]) }),
    });
    const done = seed - first + 1;
    if (done % PROGRESS_EVERY === 0 && done < count)
      console.error(`${String(done)} of ${String(count)} seeds, ${String(failed)} failed`);
    outcomes.set(result.outcome, (outcomes.get(result.outcome) ?? 0) + 1);
    if (values.journal) console.log(result.journal);
    if (result.violations.length === 0) continue;
    failed += 1;
    console.log(
      `seed ${String(seed)}: ${result.violations.join("; ")}\n  repeat: npm run sim -- --seed ${String(seed)} --journal`,
    );
  }
  console.log(
    `${String(count)} seeds, ${String(failed)} failed; last deployments: ${[...outcomes].map(([name, n]) => `${name} ${String(n)}`).join(", ")}`,
  );
  process.exitCode = failed === 0 ? 0 : 1;
}

function crashKind(text: string): CrashKind {
  return text === "after" || text === "stall" ? text : "before";
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
