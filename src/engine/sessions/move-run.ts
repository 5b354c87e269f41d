import { HitlessError, toFailure } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import { nextStep, type MoveStep } from "../../core/session-move/advance.ts";
import { entered, failed } from "../../core/session-move/changes.ts";
import { sightOf, type SessionMove } from "../../core/session-move/move.ts";
import type { Clock } from "../../ports/clock.ts";
import type { SessionStores } from "../../ports/session-moves.ts";
import type { EngineControl } from "../control.ts";
import type { MoveBook } from "./move-book.ts";
import { StoreWatch } from "./store-watch.ts";
import { copySessions, type CopyProgress } from "./move-copy.ts";

export interface MoveParts {
  readonly clock: Clock;
  readonly book: MoveBook;
  readonly stores: SessionStores;
  readonly engine: Pick<EngineControl, "state" | "request">;
  /** False for a daemon that another has taken over from. */
  readonly mayAct: () => boolean;
  readonly log: Logger;
}

const LOOK_EVERY_MS = 200;

/** Takes one app's move to its end; what it has done is in the book, so that another run goes on where this one was ended. */
export class MoveRun {
  readonly #parts: MoveParts;
  readonly #app: string;
  readonly #end = new AbortController();
  readonly #watch: StoreWatch;
  #copying = new AbortController();
  /** Why nothing is done just now. */
  waits: string | null = null;
  progress: (CopyProgress & { readonly since: number }) | null = null;

  constructor(parts: MoveParts, app: string) {
    this.#parts = parts;
    this.#app = app;
    this.#watch = new StoreWatch(parts.clock, parts.stores);
  }

  /** What is wrong with a store, and what becomes of it. */
  get trouble(): string | null {
    return this.#watch.trouble;
  }

  /** Resolves when the move is over, or this run was ended. */
  async run(): Promise<void> {
    const { clock, book, engine, mayAct } = this.#parts;
    while (!this.#end.signal.aborted) {
      const [move, state] = [book.of(this.#app), engine.state(this.#app)];
      if (move !== null && state !== null && mayAct()) {
        const step = nextStep(move, state, clock.now());
        if (step.kind === "over") return;
        this.waits = step.kind === "wait" ? step.why : null;
        if (await this.#done(step, move)) continue;
      }
      await clock.sleepUntil(clock.now() + LOOK_EVERY_MS, this.#end.signal).catch(() => undefined);
    }
  }

  /** The move goes another way: what is being copied is not needed. */
  interrupt(): void {
    this.#copying.abort();
  }

  end(): void {
    this.#end.abort();
    this.interrupt();
  }

  /** Whether the next step can follow at once. */
  async #done(step: MoveStep, move: SessionMove): Promise<boolean> {
    try {
      return await this.#do(step, move);
    } catch (error) {
      await this.#failed(error, move);
      return false;
    }
  }

  async #failed(error: unknown, move: SessionMove): Promise<void> {
    const { book, clock, log } = this.#parts;
    if (this.#end.signal.aborted || book.of(this.#app)?.phase !== move.phase) return;
    // Somebody else's deployment has begun a moment before: it is waited for.
    if (error instanceof HitlessError && error.code === "ERR_DEPLOYMENT_RUNNING") return;
    log.error("the move of sessions has met an error", { app: this.#app, phase: move.phase, error: String(error) });
    const failure = toFailure(error, "ERR_SESSIONS_UNREACHABLE", "A session store does not do what it is asked.");
    // What cannot be written down (a full disk) has not happened: it is tried again.
    await book
      .advance(move, (now) => failed(now, failure, clock.now()))
      .catch((again: unknown) => {
        log.error("the move of sessions cannot be written down", { app: this.#app, error: String(again) });
      });
  }

  async #do(step: MoveStep, move: SessionMove): Promise<boolean> {
    const { book, clock, engine } = this.#parts;
    // Behind this one there is no way back any more.
    const isLast = step.kind === "enter" && step.phase === "finishing";
    await this.#watch.look(move, isLast);
    if (isLast && !this.#watch.isNewWell) return false;
    switch (step.kind) {
      case "mark": {
        const floor = engine.state(this.#app)?.next.instance ?? null;
        await book.advance(move, (now) => ({ ...now, floor }));
        return true;
      }
      case "restart": {
        const restart = await engine.request(this.#app, { kind: "restart.requested", by: `the move of sessions (${move.by})` });
        await book.advance(move, (now) => ({ ...now, restart }));
        return false;
      }
      case "copy":
        await this.#copy(move);
        return true;
      case "tidy":
        await this.#tidy(move);
        await this.#enter(move, sightOf(move.phase).reads === "new" ? "done" : "aborted");
        return true;
      case "enter":
        await this.#enter(move, step.phase);
        return true;
      case "failed":
        await book.advance(move, (now) => failed(now, step.failure, clock.now()));
        return true;
      case "wait":
      case "over":
        return false;
    }
  }

  async #enter(move: SessionMove, phase: SessionMove["phase"]): Promise<void> {
    const { book, clock, log } = this.#parts;
    const { phase: now } = await book.advance(move, (before) => entered(before, phase, clock.now()));
    log.info("the move of sessions goes on", { app: this.#app, phase: now });
  }

  async #copy(move: SessionMove): Promise<void> {
    const { book, clock, engine, stores } = this.#parts;
    this.#copying = new AbortController();
    try {
      const onProgress = (progress: CopyProgress): void => {
        const isSame = this.progress?.doing === progress.doing && this.progress.total === progress.total;
        this.progress = { ...progress, since: isSame && this.progress !== null ? this.progress.since : clock.now() };
      };
      const signal = this.#copying.signal;
      const { verified, prefixes } = await copySessions(
        { clock, stores, state: () => engine.state(this.#app), signal, onProgress },
        move,
      );
      await book.advance(move, (now) => entered({ ...now, verified, prefixes }, "switching", clock.now()));
    } finally {
      this.progress = null;
    }
  }

  /** What is left of the copies ends with its time, so a store that is gone already is no reason to stop. */
  async #tidy(move: SessionMove): Promise<void> {
    await this.#parts.stores.tidy(move).catch((error: unknown) => {
      this.#parts.log.warn("old copies of sessions could not be removed", { app: this.#app, error: String(error) });
    });
  }
}
