import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { writeWholeSync } from "../platform/whole-file.ts";
import type { StepContext, StepFunction } from "../core/preparation/step-function.ts";

/** The program that a `.ts` or `.js` step is run in: `node step-program.js FILE`, in the release's directory. */
const [, , file = ""] = process.argv;
const {
  HITLESS_CHECKPOINT: checkpointPath = "",
  HITLESS_STEP_REPORT: reportPath = "",
  HITLESS_STEP_CONTROL: controlPath = "",
} = process.env;
const ending = new AbortController();
process.once("SIGTERM", () => {
  ending.abort(new Error("the step was told to end"));
});

let since = performance.now();
const context: StepContext = {
  checkpoint: readJson(checkpointPath),
  signal: ending.signal,
  save: async (checkpoint, progress) => {
    writeWholeSync(checkpointPath, JSON.stringify(checkpoint));
    if (progress !== undefined)
      writeWholeSync(reportPath, JSON.stringify({ done: progress.done, total: progress.total ?? null }));
    ending.signal.throwIfAborted();
    await sleep(pauseMs(performance.now() - since), undefined, { signal: ending.signal });
    since = performance.now();
  },
};

const { run } = (await import(pathToFileURL(resolve(file)).href)) as { run?: StepFunction };
if (typeof run !== "function") throw new Error(`${file} exports no function \`run\`.`);
await run(context);
process.exit(0);

/** So long that the work before it was the share of the time that is allowed. */
function pauseMs(workedMs: number): number {
  const { throttle = 100 } = (readJson(controlPath) ?? {}) as { throttle?: number };
  return Math.min(60_000, workedMs * (100 / Math.max(1, throttle) - 1));
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as unknown;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
