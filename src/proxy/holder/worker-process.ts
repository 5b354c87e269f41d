import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Logger } from "../../base/log.ts";
import type { HolderMessage, WorkerDelta, WorkerMessage } from "../messages.ts";

type Question = { [K in HolderMessage["kind"]]: Extract<HolderMessage, { kind: K; id: number }> }[HolderMessage["kind"]];
type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;

/** How a worker answered. A worker that has died has nothing in flight and nothing to refuse. */
export type Answer =
  { readonly kind: "done" } | { readonly kind: "refused"; readonly reason: string } | { readonly kind: "died" };

export interface WorkerEvents {
  onCounts(worker: WorkerProcess, delta: WorkerDelta): void;
  onExit(worker: WorkerProcess, how: string): void;
}

const MAIN = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "../worker/main.ts" : "../worker/main.js", import.meta.url));
const DEMAND_LIMIT_MS = 10_000;
let questions = 0;

/** One worker as its holder sees it. */
export class WorkerProcess {
  readonly generation: number;
  readonly startedAt = Date.now();
  /** Resolves when the worker can be told things; or it has died. */
  readonly hello: Promise<void>;
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #log: Logger;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #clientConnections = 0;

  constructor(generation: number, events: WorkerEvents, log: Logger) {
    this.generation = generation;
    this.#log = log;
    this.#child = fork(MAIN, [], { serialization: "advanced", execArgv: [], stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const hello = Promise.withResolvers<undefined>();
    const ended = Promise.withResolvers<undefined>();
    this.hello = hello.promise.then(() => undefined);
    this.ended = ended.promise.then(() => undefined);
    this.#child.on("message", (message: WorkerMessage) => {
      if (message.kind === "hello") hello.resolve(undefined);
      else if (message.kind === "counts") this.#count(message.delta, events);
      else this.#settle(message.id, message.kind === "done" ? { kind: "done" } : { kind: "refused", reason: message.reason });
    });
    this.#child.on("error", (error) => {
      log.error("a worker's channel failed", { worker: this.pid, error: String(error) });
    });
    this.#child.on("exit", (code, signal) => {
      hello.resolve(undefined);
      ended.resolve(undefined);
      for (const id of [...this.#waiting.keys()]) this.#settle(id, { kind: "died" });
      events.onExit(this, signal === null ? `exited with code ${String(code)}` : `was ended by ${signal}`);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get clientConnections(): number {
    return this.#clientConnections;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.connected;
  }

  /** Asks and waits for the answer, however long that takes. */
  ask(question: WithoutId<Question>, handle?: unknown): Promise<Answer> {
    if (!this.alive) return Promise.resolve({ kind: "died" });
    questions += 1;
    const id = questions;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#send({ ...question, id }, handle, (error) => {
        this.#settle(id, { kind: "refused", reason: `it could not be told: ${error.message}` });
      });
    });
  }

  /** For what every worker can do at once: one that does not is stuck, and would go on with what is no longer true. It is ended. */
  async demand(question: WithoutId<Question>, handle?: unknown): Promise<Answer> {
    const limit = setTimeout(() => {
      this.#log.error("a worker does not answer and is ended", { worker: this.pid, question: question.kind });
      this.#child.kill("SIGKILL");
    }, DEMAND_LIMIT_MS);
    try {
      return await this.ask(question, handle);
    } finally {
      clearTimeout(limit);
    }
  }

  tell(message: HolderMessage): void {
    if (this.alive) this.#send(message, undefined, () => undefined);
  }

  #send(message: HolderMessage, handle: unknown, onError: (error: Error) => void): void {
    this.#child.send(message, handle as never, {}, (error) => {
      if (error !== null) onError(error);
    });
  }

  #settle(id: number, answer: Answer): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }

  #count(delta: WorkerDelta, events: WorkerEvents): void {
    this.#clientConnections = delta.clientConnections;
    events.onCounts(this, delta);
  }
}
