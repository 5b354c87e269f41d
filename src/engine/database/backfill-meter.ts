import { ASSUMED_PER_SECOND } from "../../database/backfill/measured-rate.ts";
import { nextRate, progressOf, rateFrom, type BackfillProgress, type Rate } from "../../database/backfill/progress.ts";
import type { BackfillCursor } from "../../ports/database.ts";
import type { Clock } from "../../ports/clock.ts";

interface MeterParts {
  readonly clock: Clock;
  readonly total: number;
  readonly cursors: readonly BackfillCursor[];
  readonly onProgress: (progress: BackfillProgress) => void;
}

/** What has been done, how fast, and why not faster. */
export class BackfillMeter {
  readonly #clock: Clock;
  readonly #onProgress: (progress: BackfillProgress) => void;
  readonly total: number;
  readonly #startedAt: number;
  readonly #walkedBefore: number;
  #rate: Rate;
  #rows: number;
  #walked: number;
  #slow: string | null = null;
  #comparing = false;
  /** Milliseconds in which nobody walked, for the load's or the operator's sake. */
  pausedMs = 0;
  /** Milliseconds of batches and of looks, of all workers. */
  workedMs = 0;

  constructor({ clock, total, cursors, onProgress }: MeterParts) {
    this.#clock = clock;
    this.total = total;
    this.#onProgress = onProgress;
    this.#rows = cursors.reduce((sum, { rows }) => sum + rows, 0);
    this.#walked = cursors.reduce((sum, { walked }) => sum + (walked ?? 0), 0);
    this.#walkedBefore = this.#walked;
    this.#startedAt = clock.now();
    this.#rate = rateFrom(this.#startedAt, this.#walked);
  }

  get ms(): number {
    return this.#clock.now() - this.#startedAt;
  }

  get rows(): number {
    return this.#rows;
  }

  get walked(): number {
    return this.#walked;
  }

  /** Of this run, pauses included. */
  get rowsPerSecond(): number {
    return ((this.#walked - this.#walkedBefore) / Math.max(1, this.ms)) * 1_000;
  }

  /** What is left of the work at most, in milliseconds at full speed of one worker: a look at a row is taken to be as long as its change. */
  get workLeftMs(): number {
    const walked = this.#walked - this.#walkedBefore;
    const msPerRow = walked === 0 ? 1_000 / ASSUMED_PER_SECOND : this.workedMs / walked;
    const whole = Math.max(this.total, this.#walked);
    return (whole + (this.#comparing ? 0 : whole - this.#walked)) * msPerRow;
  }

  /** After a batch that brought the cursor from one place to the other. */
  batch(before: BackfillCursor, after: BackfillCursor): void {
    this.#comparing = false;
    this.#rows += after.rows - before.rows;
    this.#walked += Math.max(0, (after.walked ?? 0) - (before.walked ?? 0));
    this.#rate = nextRate(this.#rate, this.#clock.now(), this.#walked);
    this.#tell();
  }

  /** All are walked over, and looked at once more. */
  compare(): void {
    this.#comparing = true;
    this.#tell();
  }

  slow(reason: string | null): void {
    if (reason === this.#slow) return;
    this.#slow = reason;
    this.#tell();
  }

  #tell(): void {
    const reasons = [this.#comparing ? "all rows are compared" : null, this.#slow].filter((reason) => reason !== null);
    const slow = reasons.length === 0 ? null : reasons.join("; ");
    this.#onProgress(progressOf(this.#rate, { rows: this.#rows, total: this.total, slow }));
  }
}
