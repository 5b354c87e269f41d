import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { LoadAnswers, LoadOrder } from "./load-thread.ts";

/** The users of the shop, on a thread of their own: what else this process does delays no request of theirs. */
export class Load {
  readonly #thread: Worker;

  constructor(order: LoadOrder) {
    this.#thread = new Worker(new URL("load-thread.ts", import.meta.url), { workerData: order });
  }

  /** Ends it. Gives what they were answered, by milliseconds since the epoch. */
  async stop(): Promise<LoadAnswers> {
    const answered = once(this.#thread, "message");
    this.#thread.postMessage("stop");
    const [answers] = (await answered) as [LoadAnswers];
    await this.#thread.terminate();
    return answers;
  }
}
