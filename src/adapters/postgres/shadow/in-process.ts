import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { Queryable } from "../queryable.ts";
import type { ThreadAnswer, ThreadData, ThreadQuery } from "./thread.ts";

const THREAD = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./thread.ts" : "./thread.js", import.meta.url));
/** Statements on three rows; one that is longer at it hangs. */
const LIMIT_MS = 60_000;

interface Waiting {
  readonly resolve: (rows: readonly unknown[]) => void;
  readonly reject: (error: Error) => void;
}

/** PostgreSQL without a server. */
export class InProcessDatabase implements Queryable {
  readonly #thread: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #ended: Error | null = null;

  private constructor(extensions: readonly string[]) {
    const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "hitless", "pglite-0.5.16.tar.gz");
    this.#thread = new Worker(THREAD, { workerData: { extensions, cache } satisfies ThreadData, execArgv: [] });
    this.#thread.on("message", (answer: ThreadAnswer) => {
      this.#settle(answer);
    });
    this.#thread.on("error", (error: unknown) => {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    });
    this.#thread.on("exit", () => {
      this.#end(new Error("the thread has ended"));
    });
  }

  static async open(extensions: readonly string[]): Promise<InProcessDatabase> {
    const database = new InProcessDatabase(extensions);
    // The thread says by itself that it is ready.
    await database.#answerTo(0);
    return database;
  }

  async query<T = Record<string, unknown>>(sql: string): Promise<readonly T[]> {
    const id = ++this.#last;
    const answer = this.#answerTo(id);
    this.#thread.postMessage({ id, sql } satisfies ThreadQuery);
    return (await answer) as readonly T[];
  }

  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  async #answerTo(id: number): Promise<readonly unknown[]> {
    if (this.#ended !== null) throw this.#ended;
    const { promise, resolve, reject } = Promise.withResolvers<readonly unknown[]>();
    this.#waiting.set(id, { resolve, reject });
    const limit = setTimeout(() => {
      this.#end(new Error(`no answer within ${String(LIMIT_MS / 1000)} s`));
      void this.#thread.terminate();
    }, LIMIT_MS);
    try {
      return await promise;
    } finally {
      clearTimeout(limit);
      this.#waiting.delete(id);
    }
  }

  #settle(answer: ThreadAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    if ("rows" in answer) waiting?.resolve(answer.rows);
    else
      waiting?.reject(
        Object.assign(new Error(answer.error.message), {
          code: answer.error.code,
          where: answer.error.where,
          detail: answer.error.detail,
        }),
      );
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
  }
}
