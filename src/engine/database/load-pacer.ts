import { batchShare, briefSpeed, FIRST_PACE, nextPace, type PaceState, type Reading } from "../../database/backfill/pace-law.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Pace, Pacer } from "./backfill-options.ts";

/** Something that says what a backfill costs others. What it throws is the reason why it says nothing. */
export interface LoadSignal {
  readonly name: string;
  /** `speed`: how fast the backfill went since the last time. */
  read(speed: number, signal: AbortSignal): Promise<readonly Reading[]>;
}

/** Looking costs the machine something, too: on two processors, with 300 requests a second, once a second alone raised p99 by a tenth. */
const EVERY_MS = 2_000;
/** A signal that takes longer says nothing. */
const PATIENCE_MS = 3_000;

/** Asks the signals every two seconds and lets the law decide. */
export class LoadPacer implements Pacer {
  readonly #clock: Clock;
  readonly #signals: readonly LoadSignal[];
  #state: PaceState = FIRST_PACE;
  #readAt = -Infinity;
  #reading: Promise<void> | null = null;

  constructor(clock: Clock, signals: readonly LoadSignal[]) {
    this.#clock = clock;
    this.#signals = signals;
  }

  async pace(signal: AbortSignal): Promise<Pace> {
    if (this.#clock.now() - this.#readAt >= EVERY_MS) {
      this.#reading ??= this.#read(signal).finally(() => {
        this.#reading = null;
      });
      await this.#reading;
    }
    const { speed, reason } = this.#state;
    return { speed, briefSpeed: briefSpeed(this.#state), reason, batchShare: batchShare(speed) };
  }

  async #read(signal: AbortSignal): Promise<void> {
    const readings = await Promise.all(this.#signals.map((one) => this.#ask(one, signal)));
    this.#readAt = this.#clock.now();
    this.#state = nextPace(this.#state, readings.flat());
  }

  async #ask(one: LoadSignal, signal: AbortSignal): Promise<readonly Reading[]> {
    const enough = new AbortController();
    const either = AbortSignal.any([signal, enough.signal]);
    const late = this.#clock.sleepUntil(this.#clock.now() + PATIENCE_MS, either).then(() => {
      throw new Error("no answer in time");
    });
    try {
      return await Promise.race([one.read(this.#state.speed, either), late]);
    } catch (error) {
      signal.throwIfAborted();
      return [{ name: one.name, load: null, text: error instanceof Error ? error.message : String(error) }];
    } finally {
      enough.abort();
      late.catch(() => undefined);
    }
  }
}
