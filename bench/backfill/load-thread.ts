/** What runs on the thread of `Load`. */
import { parentPort, workerData } from "node:worker_threads";
import { OpenLoop, type Answered } from "./open-loop.ts";

export interface LoadOrder {
  readonly url: string;
  /** Requests a second. */
  readonly rate: number;
}

export interface LoadAnswers {
  readonly answers: readonly Answered[];
  readonly failed: number;
}

const { url, rate } = workerData as LoadOrder;
const loop = new OpenLoop(url, rate);
parentPort?.once("message", () => {
  loop.stop();
  parentPort?.postMessage({ answers: loop.answers, failed: loop.failed } satisfies LoadAnswers);
});
