import type { WorkerStatus } from "../../api/proxy-control.ts";
import type { Logger } from "../../base/log.ts";
import type { Answer, Member } from "./member.ts";
import { WorkerProcess, type WorkerEvents } from "./worker-process.ts";

const RESTART_MIN_MS = 20;
const RESTART_MAX_MS = 5_000;
/** A worker that ran this long did not fail at its start. */
const STEADY_MS = 10_000;

/** Keeps the wanted number of workers alive; a dead one is replaced, at once the first time, later with back-off. */
export class WorkerGroup {
  readonly #count: number;
  readonly #events: WorkerEvents;
  readonly #prepare: (worker: WorkerProcess) => Promise<void>;
  readonly #log: Logger;
  readonly #workers = new Set<WorkerProcess>();
  #predecessor: Member | null = null;
  #generation = 0;
  #restarts = 0;
  #restartMs = RESTART_MIN_MS;
  #closed = false;

  /** `prepare` brings a new worker to where the others are, before it counts as ready. */
  constructor(count: number, events: WorkerEvents, prepare: (worker: WorkerProcess) => Promise<void>, log: Logger) {
    this.#count = count;
    this.#events = events;
    this.#prepare = prepare;
    this.#log = log;
  }

  get workers(): readonly WorkerProcess[] {
    return [...this.#workers].filter((worker) => worker.alive);
  }

  status(): readonly WorkerStatus[] {
    return this.workers.map(({ pid, generation, clientConnections }) => ({ pid, generation, clientConnections }));
  }

  /** The generation before is asked and told what the workers are, until it has ended. */
  follow(predecessor: Member): void {
    this.#predecessor = predecessor;
  }

  /** How many have ended by themselves. */
  get restarts(): number {
    return this.#restarts;
  }

  /** True when all of them have come up. */
  get complete(): boolean {
    return this.workers.length === this.#count;
  }

  async start(): Promise<void> {
    await Promise.all(Array.from({ length: this.#count }, () => this.#startOne()));
  }

  /** Asks every living worker and waits as long as it takes; gives the answers of those that are still alive. */
  async askAll(question: Parameters<Member["ask"]>[0]): Promise<readonly Answer[]> {
    const answers = await Promise.all(this.#members().map((member) => member.ask(question)));
    return answers.filter((answer) => answer.kind !== "died");
  }

  /** As `askAll`, for what takes a worker no time. */
  async demandAll(question: Parameters<Member["ask"]>[0], handle?: unknown): Promise<readonly Answer[]> {
    const answers = await Promise.all(this.#members().map((member) => member.demand(question, handle)));
    return answers.filter((answer) => answer.kind !== "died");
  }

  tellAll(message: Parameters<Member["tell"]>[0]): void {
    for (const member of this.#members()) member.tell(message);
  }

  /** Lets every worker finish; resolves when all have ended. `holds`: see the message `shutdown`. */
  async close(drainMs: number, holds: "end" | "keep"): Promise<void> {
    this.#closed = true;
    this.tellAll({ kind: "shutdown", drainMs, holds });
    await Promise.all([...this.#workers, ...this.#members()].map((member) => member.ended));
  }

  #members(): readonly Member[] {
    return this.#predecessor?.alive === true ? [...this.workers, this.#predecessor] : this.workers;
  }

  async #startOne(): Promise<void> {
    this.#generation += 1;
    const events: WorkerEvents = {
      onCounts: (...counts) => {
        this.#events.onCounts(...counts);
      },
      onExit: (worker, how) => {
        this.#workers.delete(worker);
        this.#events.onExit(worker, how);
        if (!this.#closed) this.#replace(worker, how);
      },
    };
    const worker = new WorkerProcess(this.#generation, events, this.#log);
    this.#workers.add(worker);
    await worker.hello;
    await this.#prepare(worker);
  }

  #replace(worker: WorkerProcess, how: string): void {
    this.#restarts += 1;
    if (Date.now() - worker.startedAt > STEADY_MS) this.#restartMs = RESTART_MIN_MS;
    this.#log.error("a worker has ended and is replaced", { worker: worker.pid, how, inMs: this.#restartMs });
    setTimeout(() => {
      if (!this.#closed) void this.#startOne();
    }, this.#restartMs);
    this.#restartMs = Math.min(RESTART_MAX_MS, this.#restartMs * 2);
  }
}
