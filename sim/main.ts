import { parseArgs } from "node:util";
import { run } from "./run.ts";

/** `npm run sim -- --seeds 1000 [--from 1]` or `npm run sim -- --seed 42 [--crash-at 17 --crash-when before]`. */
const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    "crash-at": { type: "string" },
    "crash-when": { type: "string" },
    calm: { type: "boolean", default: false },
    journal: { type: "boolean", default: false },
  },
});

const first = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const PROGRESS_EVERY = 500;
let failed = 0;
const outcomes = new Map<string, number>();
for (let seed = first; seed < first + count; seed += 1) {
  const result = await run({
    seed,
    calm: values.calm,
    ...(values["crash-at"] === undefined ? {} : { crashAt: Number(values["crash-at"]) }),
    ...(values["crash-when"] === undefined ? {} : { crashWhen: values["crash-when"] === "after" ? "after" : "before" }),
  });
  const done = seed - first + 1;
  if (done % PROGRESS_EVERY === 0 && done < count)
    console.error(`${String(done)} of ${String(count)} seeds, ${String(failed)} failed`);
  outcomes.set(result.outcome, (outcomes.get(result.outcome) ?? 0) + 1);
  if (values.journal) console.log(result.journal);
  if (result.violations.length === 0) continue;
  failed += 1;
  console.log(`seed ${String(seed)}: ${result.violations.join("; ")}\n  repeat: npm run sim -- --seed ${String(seed)} --journal`);
}
console.log(
  `${String(count)} seeds, ${String(failed)} failed; last deployments: ${[...outcomes].map(([name, n]) => `${name} ${String(n)}`).join(", ")}`,
);
process.exitCode = failed === 0 ? 0 : 1;
