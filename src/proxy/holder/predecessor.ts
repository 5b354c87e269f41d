import type { Logger } from "../../base/log.ts";
import type { HolderMessage } from "../messages.ts";
import type { Counts } from "./counts.ts";
import type { Legacy } from "./legacy.ts";
import { Questions, type Answer, type Member, type Question, type WithoutId } from "./member.ts";
import type { PredecessorMessage } from "./succession.ts";

/** Longer than a holder gives its own workers. */
const DEMAND_LIMIT_MS = 20_000;

/** The generation before, while its workers finish what they have: as one more worker of the new holder. */
export class Predecessor implements Member {
  readonly pid: number;
  readonly ended: Promise<void>;
  readonly #ended = Promise.withResolvers<undefined>();
  readonly #channel: Legacy["channel"];
  readonly #counts: Counts;
  readonly #log: Logger;
  readonly #questions = new Questions();
  readonly #workers: Set<number>;
  #clients = new Map<number, number>();
  #alive = true;

  private constructor(channel: Legacy["channel"], counts: Counts, log: Logger) {
    this.pid = channel.pid;
    this.ended = this.#ended.promise.then(() => undefined);
    this.#channel = channel;
    this.#counts = counts;
    this.#log = log;
    this.#workers = new Set(counts.book.workers());
  }

  static of({ channel, listen }: Legacy, counts: Counts, log: Logger): Predecessor {
    const predecessor = new Predecessor(channel, counts, log);
    listen(
      (message) => {
        predecessor.#take(message);
      },
      () => {
        predecessor.#gone();
      },
    );
    return predecessor;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get clientConnections(): number {
    return [...this.#clients.values()].reduce((sum, count) => sum + count, 0);
  }

  ask(question: WithoutId<Question>): Promise<Answer> {
    if (!this.#alive) return Promise.resolve({ kind: "died" });
    return this.#questions.ask((id) => {
      this.#channel.send({ kind: "tell", message: { ...question, id } });
    });
  }

  async demand(question: WithoutId<Question>): Promise<Answer> {
    const limit = setTimeout(() => {
      this.#log.error("the generation before does not answer and is ended", { holder: this.pid, question: question.kind });
      process.kill(this.pid, "SIGKILL");
    }, DEMAND_LIMIT_MS);
    try {
      return await this.ask(question);
    } finally {
      clearTimeout(limit);
    }
  }

  tell(message: HolderMessage): void {
    if (this.#alive) this.#channel.send({ kind: "tell", message });
  }

  #take(message: PredecessorMessage): void {
    switch (message.kind) {
      case "counts":
        this.#workers.add(message.worker);
        this.#clients.set(message.worker, message.delta.clientConnections);
        this.#counts.add(message.worker, message.delta);
        return;
      case "gone":
        this.#forget(message.worker, message.orderly);
        return;
      case "done":
        this.#questions.settle(message.id, { kind: "done" });
        return;
      case "refused":
        this.#questions.settle(message.id, { kind: "refused", reason: message.reason });
        return;
      case "bye":
        this.#log.info("the generation before has finished", { holder: this.pid });
        this.#end();
        return;
      case "socket":
      case "state":
      case "commit":
        return;
    }
  }

  /** Its channel has ended. Without a `bye` before, what its workers may not have handed over is lost to the counts. */
  #gone(): void {
    if (!this.#alive) return;
    this.#log.error("the generation before has died; its workers finish by themselves", { holder: this.pid });
    for (const worker of [...this.#workers]) this.#forget(worker, false);
    this.#end();
  }

  #forget(worker: number, orderly: boolean): void {
    this.#workers.delete(worker);
    this.#clients.delete(worker);
    this.#counts.workerGone(worker, orderly);
  }

  #end(): void {
    this.#alive = false;
    this.#questions.allDied();
    this.#ended.resolve(undefined);
    this.#channel.close();
  }
}
