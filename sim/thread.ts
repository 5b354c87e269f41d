import { parentPort } from "node:worker_threads";
import type { RunOptions } from "./run.ts";
import { judge, type Verdict } from "./runs.ts";

/** A thread of `onThreads`: it is sent runs, and answers with what they have shown. */
parentPort?.on("message", (runs: readonly RunOptions[]) => {
  void judgeAll(runs).then((verdicts) => {
    parentPort?.postMessage(verdicts);
  });
});

async function judgeAll(runs: readonly RunOptions[]): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const options of runs) verdicts.push(await judge(options));
  return verdicts;
}
