import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Logger } from "../../base/log.ts";
import type { RouteTable } from "../../core/routes.ts";
import type { HolderMessage, WorkerDelta, WorkerMessage } from "../messages.ts";
import { changeSince } from "../table-change.ts";
import { Questions, type Answer, type Member, type Question, type WithoutId } from "./member.ts";

export interface WorkerEvents {
  onCounts(worker: WorkerProcess, delta: WorkerDelta): void;
  onExit(worker: WorkerProcess, how: string): void;
}

const MAIN = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "../worker/main.ts" : "../worker/main.js", import.meta.url));
const DEMAND_LIMIT_MS = 10_000;

/** One worker as its holder sees it. */
export class WorkerProcess implements Member {
  readonly generation: number;
  readonly startedAt = Date.now();
  /** Resolves when the worker can be told things; or it has died. */
  readonly hello: Promise<void>;
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #log: Logger;
  readonly #questions = new Questions();
  /** What it was sent last. */
  readonly #tables = new Map<string, RouteTable>();
  #clientConnections = 0;
  #listened = false;

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
      else this.#questions.settle(message.id, answerOf(message));
    });
    this.#child.on("error", (error) => {
      log.error("a worker's channel failed", { worker: this.pid, error: String(error) });
    });
    this.#child.on("exit", (code, signal) => {
      hello.resolve(undefined);
      ended.resolve(undefined);
      this.#questions.allDied();
      events.onExit(this, signal === null ? `exited with code ${String(code)}` : `was ended by ${signal}`);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get clientConnections(): number {
    return this.#clientConnections;
  }

  /** It may have taken requests. */
  get listened(): boolean {
    return this.#listened;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.connected;
  }

  ask(question: WithoutId<Question>, handle?: unknown): Promise<Answer> {
    if (!this.alive) return Promise.resolve({ kind: "died" });
    this.#listened ||= question.kind === "listen";
    const shortened = this.#shortened(question);
    return this.#questions.ask((id) => {
      this.#send({ ...shortened, id }, handle, (error) => {
        this.#questions.settle(id, { kind: "refused", reason: `it could not be told: ${error.message}` });
      });
    });
  }

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

  /** What the worker has of a table it is not sent again. */
  #shortened(question: WithoutId<Question>): WithoutId<Question> {
    if (question.kind === "remove") this.#tables.delete(question.app);
    if (question.kind !== "routes") return question;
    const { table } = question;
    const before = this.#tables.get(table.app);
    this.#tables.set(table.app, table);
    return before === undefined ? question : { ...question, ...changeSince(before, table) };
  }

  #send(message: HolderMessage, handle: unknown, onError: (error: Error) => void): void {
    this.#child.send(message, handle as never, {}, (error) => {
      if (error !== null) onError(error);
    });
  }

  #count(delta: WorkerDelta, events: WorkerEvents): void {
    this.#clientConnections = delta.clientConnections;
    events.onCounts(this, delta);
  }
}

function answerOf(message: Extract<WorkerMessage, { id: number }>): Answer {
  if (message.kind === "refused") return { kind: "refused", reason: message.reason };
  return { kind: "done", mirrored: message.mirrored, recorded: message.recorded };
}
