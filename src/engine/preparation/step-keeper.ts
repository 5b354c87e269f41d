import type { Logger } from "../../base/log.ts";
import { hindrance } from "../../core/preparation/hindrance.ts";
import { isLost, type StepDefinition } from "../../core/preparation/step-definition.ts";
import type { StepProgress, StepRecord } from "../../core/preparation/step-record.ts";
import type { Releases } from "../../ports/releases.ts";
import type { Machine } from "../../ports/steps.ts";
import { runStepWork } from "./run-step.ts";
import type { StepBook } from "./step-book.ts";
import { brokenOff, settled, type Outcome } from "./settled.ts";
import type { StepPorts } from "./step-run.ts";
import { StepStop } from "./step-stop.ts";

const LOOK_MS = 500;
/** After an attempt that ended with "not now". */
const AGAIN_MS = 15_000;
/** How often progress is written down. */
const NOTE_EVERY_MS = 5_000;

export interface StepKeeperParts {
  readonly ports: StepPorts;
  readonly book: StepBook;
  /** The prepared snapshots. */
  readonly snapshots: Releases;
  readonly machine: Machine;
  readonly isDeploying: (app: string) => boolean;
  /** Whether this daemon may act. */
  readonly mayAct: () => boolean;
  readonly log: Logger;
}

/** One that is under way. */
interface Attempt {
  /** Aborted with a StepStop: what is at work is ended. */
  readonly stop: AbortController;
  /** What is at work is left to the one who may act. */
  readonly letGo: AbortController;
  readonly since: number;
  /** When its progress was written down last. */
  notedAt: number;
  ended: Promise<void>;
}

/** Runs steps in the background, each as soon as it may; ends those that may not go on. */
export class StepKeeper {
  readonly #parts: StepKeeperParts;
  readonly #closing = new AbortController();
  readonly #attempts = new Map<string, Attempt>();
  /** Not to be begun again before. */
  readonly #notBefore = new Map<string, number>();

  constructor(parts: StepKeeperParts) {
    this.#parts = parts;
  }

  start(): void {
    void this.#run();
  }

  /** What runs is left as it is: programs go on, batches stand in the database. */
  async stop(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#attempts.values()].map(({ ended }) => ended));
  }

  /** Ends the attempt that runs, if one does, and resolves when it is over. */
  async end(app: string, name: string, stop: StepStop): Promise<void> {
    const attempt = this.#attempts.get(`${app}/${name}`);
    attempt?.stop.abort(stop);
    await attempt?.ended;
  }

  /** Whoever has told a step something does not wait for its next turn. */
  hurry(app: string, name: string): void {
    this.#notBefore.delete(`${app}/${name}`);
    this.#parts.book.news.tell();
  }

  /** Why it does not work at this moment, whatever it was told; null: it may. */
  hindrance(record: StepRecord): string | null {
    const { book, machine, isDeploying, ports } = this.#parts;
    return hindrance(record, { now: ports.clock.now(), load: machine.load(), records: book.all(), isDeploying });
  }

  async #run(): Promise<void> {
    const { book, log, mayAct, ports } = this.#parts;
    while (!this.#closing.signal.aborted) {
      const news = book.news.wait();
      if (mayAct()) {
        await this.#look().catch((error: unknown) => {
          log.error("steps could not be looked after", { error: String(error) });
        });
      } else this.#letGo();
      const enough = new AbortController();
      const timer = ports.clock
        .sleepUntil(ports.clock.now() + LOOK_MS, AbortSignal.any([enough.signal, this.#closing.signal]))
        .catch(() => undefined);
      await Promise.race([this.#attempts.size === 0 ? news : timer, timer]);
      enough.abort();
    }
  }

  /** Whoever may not act leaves what runs as it is, to the one who may: nobody would see here that a window closes. */
  #letGo(): void {
    for (const { letGo } of this.#attempts.values()) letGo.abort(new Error("this daemon may not act"));
  }

  /** In the order of their names: of two of a lane the first is begun, and the second sees it run. */
  async #look(): Promise<void> {
    const { book, ports } = this.#parts;
    const sorted = book.all().toSorted((a, b) => (a.definition.name < b.definition.name ? -1 : 1));
    for (const { app, definition } of sorted) {
      const record = book.find(app, definition.name);
      if (record === null || (record.state !== "waiting" && record.state !== "running")) continue;
      const now = ports.clock.now();
      const why = this.hindrance(record);
      if (record.state === "running") await this.#watch(record, why, now);
      else if (why === null && now >= (this.#notBefore.get(keyOf(record)) ?? 0)) await this.#begin(record);
      else if (why !== null && why !== record.reason) book.show({ ...record, reason: why });
    }
  }

  /** One that runs may have lost what it needs, or used up its budget. After a restart of the daemon it is taken up again, also to be ended. */
  async #watch(record: StepRecord, why: string | null, now: number): Promise<void> {
    if (!this.#attempts.has(keyOf(record)) && isLost(record.definition)) {
      await this.#parts.book.save([brokenOff(record, "the daemon ended meanwhile", now)]);
      return;
    }
    const attempt = this.#attempts.get(keyOf(record)) ?? this.#takeUp(record);
    const { allowanceMs, workedMs } = record;
    if (why !== null) attempt.stop.abort(new StepStop("waiting", why));
    else if (allowanceMs !== null && workedMs + now - attempt.since >= allowanceMs)
      attempt.stop.abort(
        new StepStop("incomplete", "its budget (maxTime) is used up; `hitless steps resume` gives it as much again"),
      );
  }

  async #begin(record: StepRecord): Promise<void> {
    const { book, ports } = this.#parts;
    const begun: StepRecord = {
      ...record,
      state: "running",
      reason: null,
      attempt: record.attempt + 1,
      startedAt: record.startedAt ?? ports.clock.now(),
    };
    await book.save([begun]);
    this.#takeUp(begun);
  }

  #takeUp(record: StepRecord): Attempt {
    const key = keyOf(record);
    const since = this.#parts.ports.clock.now();
    const [stop, letGo] = [new AbortController(), new AbortController()];
    const attempt: Attempt = { stop, letGo, since, notedAt: since, ended: Promise.resolve() };
    this.#attempts.set(key, attempt);
    attempt.ended = this.#attempt(record, attempt).finally(() => {
      this.#attempts.delete(key);
      this.#parts.book.news.tell();
    });
    return attempt;
  }

  async #attempt(record: StepRecord, attempt: Attempt): Promise<void> {
    const { app, definition } = record;
    const { book, log } = this.#parts;
    log.info("a step begins", { app, step: definition.name, attempt: record.attempt });
    const outcome = await this.#outcome(record, attempt);
    if (outcome === null) return;
    const now = this.#parts.ports.clock.now();
    const present = this.#present(app, definition) ?? record;
    const after = settled({ ...present, workedMs: present.workedMs + now - attempt.since }, outcome, now);
    if (after.state === "waiting" && !(outcome instanceof StepStop)) this.#notBefore.set(keyOf(record), now + AGAIN_MS);
    log.info("a step has ended", {
      app,
      step: definition.name,
      state: after.state,
      reason: after.reason,
      failure: after.failure,
    });
    await book.save([after]).catch((error: unknown) => {
      log.error("what became of a step could not be written down", { app, step: definition.name, error: String(error) });
    });
  }

  /** Null: the daemon ends or may not act, and whoever may takes it up. */
  async #outcome(record: StepRecord, attempt: Attempt): Promise<Outcome | null> {
    const { app, definition } = record;
    const { ports, snapshots, log } = this.#parts;
    const cut = attempt.stop.signal;
    const signal = AbortSignal.any([cut, attempt.letGo.signal, this.#closing.signal]);
    try {
      const workplace = await snapshots.workplace(app, record.snapshot);
      return await runStepWork(ports, {
        record: () => this.#present(app, definition) ?? record,
        workplace,
        signal,
        cut,
        onProgress: (progress, slow) => {
          this.#progress(record, attempt, { progress, slow });
        },
        note: (text) => {
          log.info("a step says", { app, step: definition.name, text });
        },
      });
    } catch (error) {
      if (cut.aborted) return cut.reason as StepStop;
      if (signal.aborted) return null;
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** The record of this content: a preparation may have put another in its place. */
  #present(app: string, { name, digest }: StepDefinition): StepRecord | null {
    const found = this.#parts.book.find(app, name);
    return found?.definition.digest === digest ? found : null;
  }

  #progress(of: StepRecord, attempt: Attempt, { progress, slow }: { progress: StepProgress; slow: string | null }): void {
    const { book, ports } = this.#parts;
    const record = this.#present(of.app, of.definition);
    if (record?.state !== "running") return;
    const next: StepRecord = { ...record, progress, reason: slow, estimateMs: record.estimateMs ?? progress.etaMs };
    const now = ports.clock.now();
    book.show(next);
    if (now - attempt.notedAt < NOTE_EVERY_MS) return;
    attempt.notedAt = now;
    void book.save([next]).catch(() => undefined);
  }
}

function keyOf({ app, definition }: StepRecord): string {
  return `${app}/${definition.name}`;
}
