import { HitlessError } from "../../base/error.ts";
import { firstSize, halved, isSmallest, nextSize, sifted, type BatchSize } from "../../database/backfill/batch-size.ts";
import { restarted, seen, staffed, type Staffing } from "../../database/backfill/staffing.ts";
import type { BackfillCursor, BatchRequest, BatchWorker, StepOutcome, Stretch } from "../../ports/database.ts";
import { named } from "./action-words.ts";
import { DEFAULT_WORKERS } from "./backfill-options.ts";
import { batchTargetMs, rest } from "./backfill-pace.ts";
import type { WalkParts } from "./backfill-run.ts";
import { untilDone, type StepRunner } from "./steps.ts";

/** With more rows than these that fail it is the expression that is wrong. */
const MOST_FAILED = 1_000;
/** At less than this the load leaves room for one worker. */
const CROWDED = 0.5;

type Try = (request: BatchRequest) => ReturnType<BatchWorker["batch"]>;

/** One pass over all stretches, by as many workers as help. */
export class BackfillWalk {
  readonly #parts: WalkParts;
  readonly #stretches: Map<number, Stretch>;
  readonly #waiting: Stretch[];
  /** How each worker ends: with what it has failed of, or null. Heard at once, for nobody waits for a recruit while the first one works. */
  readonly #crew: Promise<{ readonly error: unknown } | null>[] = [];
  #staffing: Staffing;
  #working = 1;
  #stopped = false;
  /** The widest of the workers has got to; who comes later begins with it. */
  #size: BatchSize | null = null;
  /** The most workers there were. */
  workers = 1;

  constructor(parts: WalkParts, stretches: readonly Stretch[]) {
    this.#parts = parts;
    this.#stretches = new Map(stretches.map((stretch) => [stretch.part, stretch]));
    this.#waiting = stretches.filter(({ cursor }) => cursor.end !== true);
    this.#staffing = staffed(parts.options.workers ?? DEFAULT_WORKERS, this.#now());
  }

  /** Gives the stretches as they are then. */
  async run(): Promise<readonly Stretch[]> {
    this.#join(this.#work(this.#parts.runner.lease, true));
    let failure: { readonly error: unknown } | null = null;
    for (let next = this.#crew.shift(); next !== undefined; next = this.#crew.shift()) failure = (await next) ?? failure;
    if (failure !== null) throw failure.error;
    return [...this.#stretches.values()];
  }

  /** Rows that failed before are tried once more. */
  async retry(): Promise<readonly Stretch[]> {
    const { lease } = this.#parts.runner;
    for (const stretch of this.#stretches.values()) {
      if ((stretch.cursor.failed ?? []).length > 0)
        await this.#try(stretch, firstSize("rows"), (request) => lease.retry(request));
    }
    return [...this.#stretches.values()];
  }

  #join(work: Promise<void>): void {
    this.#crew.push(
      work.then(
        () => null,
        (error: unknown) => ({ error }),
      ),
    );
  }

  async #work(worker: BatchWorker, leads: boolean): Promise<void> {
    try {
      for (let stretch = this.#waiting.shift(); stretch !== undefined && !this.#stopped; stretch = this.#waiting.shift()) {
        const left = await this.#along(worker, stretch, leads);
        if (left === null) continue;
        this.#waiting.unshift(left);
        return;
      }
    } catch (error) {
      this.#stopped = true;
      throw error;
    } finally {
      this.#working--;
    }
  }

  async #recruit(): Promise<void> {
    const worker = await this.#parts.runner.lease.worker().catch(() => null);
    if (worker === null) {
      // As many as the server lets in.
      this.#working--;
      this.#staffing = { ...this.#staffing, workers: this.#working, settled: true };
      return;
    }
    try {
      await this.#work(worker, false);
    } finally {
      await worker.close();
    }
  }

  /** To the end of the stretch (null), or as far as this worker is of use. */
  async #along(worker: BatchWorker, from: Stretch, leads: boolean): Promise<Stretch | null> {
    let stretch = from;
    let size = this.#size ?? firstSize(stretch.key.length === 0 ? "pages" : "rows");
    let took = 0;
    while (stretch.cursor.end !== true && !this.#stopped) {
      const { options, pacer, meter } = this.#parts;
      const pace = await rest({ clock: this.#clock, signal: this.#signal, options, pacer, meter }, took);
      const { speed, batchShare = 1 } = pace;
      if (!leads && (batchShare < CROWDED || this.#working > this.#staffing.workers)) return stretch;
      const started = this.#now();
      const before = stretch.cursor;
      const moved = await this.#try(stretch, size, (request) => worker.batch(request));
      if (moved === null && isSmallest(size)) {
        stretch = (await this.#try(stretch, size, (request) => worker.sift(request))) ?? stretch;
        size = sifted(size);
      } else if (moved === null) size = halved(size, before.half);
      else {
        stretch = moved;
        took = this.#now() - started;
        size = nextSize(size, took, batchTargetMs(options, pace));
        this.#staff(speed, stretch.cursor.rows - before.rows);
      }
      this.#size = size.suspects === 0 ? size : this.#size;
    }
    return null;
  }

  /** The stretch as it is after the batch; null: a row of it fails. */
  async #try(stretch: Stretch, { size, suspects }: BatchSize, attempt: Try): Promise<Stretch | null> {
    const { runner, run, quiet, meter } = this.#parts;
    // While a row is looked for that fails, every range is done whole.
    const halves = this.#parts.halves && suspects === 0;
    const { release, action, backfill } = run;
    const { lockTimeoutMs } = runner.patience;
    const cursors: BackfillCursor[] = [];
    await untilDone(runner, action, async (): Promise<StepOutcome> => {
      const outcome = await attempt({ release, action: action.id, backfill, stretch, size, quiet, halves, lockTimeoutMs });
      if (outcome.kind === "walked") cursors.push(outcome.cursor);
      return outcome.kind === "walked" || outcome.kind === "faulty" ? { kind: "done" } : outcome;
    });
    const [cursor] = cursors;
    if (cursor === undefined) return null;
    meter.batch(stretch.cursor, cursor);
    const moved = { ...stretch, cursor };
    this.#stretches.set(stretch.part, moved);
    this.#checkFailed();
    return moved;
  }

  #staff(speed: number, rows: number): void {
    const at = this.#now();
    this.#staffing = speed < 1 ? restarted(this.#staffing, at) : seen(this.#staffing, { at, rows });
    if (speed < 1 || this.#working >= this.#staffing.workers || this.#waiting.length === 0) return;
    this.#working++;
    this.workers = Math.max(this.workers, this.#working);
    this.#join(this.#recruit());
  }

  #checkFailed(): void {
    const failed = [...this.#stretches.values()].flatMap(({ cursor }) => cursor.failed ?? []);
    if (failed.length <= MOST_FAILED) return;
    const { action } = this.#parts.run;
    throw new HitlessError({
      code: "ERR_BACKFILL_INCOMPLETE",
      what: `${named(action)}: more than ${String(MOST_FAILED)} rows fail.`,
      why: failed[0]?.message ?? "",
      next: "Correct the expression, or these rows; the next run goes on from here.",
    });
  }

  get #clock(): StepRunner["patience"]["clock"] {
    return this.#parts.runner.patience.clock;
  }

  get #signal(): AbortSignal {
    return this.#parts.runner.patience.signal;
  }

  #now(): number {
    return this.#clock.now();
  }
}
