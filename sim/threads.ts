import { Worker } from "node:worker_threads";
import type { RunOptions } from "./run.ts";
import type { Verdict } from "./runs.ts";

/** Runs that a thread is given at a time: few enough for all to end together, enough not to wait for messages. */
const AT_ONCE = 20;
/** Runs that a thread lives for: what an engine that crashed waits for never comes, and is kept as long as the thread is. */
const LIFE = 1_000;

/** Every run on one of so many threads; `onVerdict` is told as they end, in no order, and says whether to go on. */
export async function onThreads(
  runs: readonly RunOptions[],
  threads: number,
  onVerdict: (verdict: Verdict) => boolean,
): Promise<void> {
  const left = runs.toReversed();
  const take = (): readonly RunOptions[] => left.splice(-AT_ONCE).toReversed();
  const tell = (verdict: Verdict): void => {
    if (!onVerdict(verdict)) left.length = 0;
  };
  const lane = async (): Promise<void> => {
    while (left.length > 0) await work(take, tell);
  };
  await Promise.all(Array.from({ length: Math.min(threads, Math.ceil(runs.length / AT_ONCE)) }, lane));
}

function work(take: () => readonly RunOptions[], onVerdict: (verdict: Verdict) => void): Promise<void> {
  const worker = new Worker(new URL("./thread.ts", import.meta.url));
  let life = LIFE;
  return new Promise<void>((resolve, reject) => {
    const next = (): void => {
      const runs = life > 0 ? take() : [];
      life -= runs.length;
      if (runs.length === 0) resolve();
      else worker.postMessage(runs);
    };
    worker.on("message", (verdicts: readonly Verdict[]) => {
      for (const verdict of verdicts) onVerdict(verdict);
      next();
    });
    worker.on("error", reject);
    next();
  }).finally(() => worker.terminate());
}
