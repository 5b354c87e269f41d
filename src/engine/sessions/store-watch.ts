import { HitlessError } from "../../base/error.ts";
import type { SessionMove } from "../../core/session-move/move.ts";
import type { Clock } from "../../ports/clock.ts";
import type { SessionStores } from "../../ports/session-moves.ts";

const LOOK_EVERY_MS = 5_000;
/** A store that is being restarted is back within that. */
const PATIENCE_MS = 30_000;

/** Whether the new store does what it is asked, as long as a move can still go back because it does not. */
export class StoreWatch {
  readonly #clock: Clock;
  readonly #stores: Pick<SessionStores, "unusable">;
  #lookAt = 0;
  #found: { readonly why: string; readonly since: number } | null = null;

  constructor(clock: Clock, stores: Pick<SessionStores, "unusable">) {
    this.#clock = clock;
    this.#stores = stores;
  }

  /** What is wrong, and what becomes of it; null: nothing that is known of. */
  get trouble(): string | null {
    if (this.#found === null) return null;
    const seconds = (ms: number): string => String(Math.round(ms / 1_000));
    const passed = this.#clock.now() - this.#found.since;
    return `${this.#found.why} (for ${seconds(passed)} s); after ${seconds(PATIENCE_MS)} s the move goes back by itself, \`hitless sessions move --abort\` takes it back now`;
  }

  /** Looks now and then, and at once if it is `due`. @throws ERR_SESSIONS_UNREACHABLE when it has not been usable for too long */
  async look({ to, phase }: SessionMove, due: boolean): Promise<void> {
    if (phase !== "doubling" && phase !== "switching") {
      this.#found = null;
      return;
    }
    const now = this.#clock.now();
    if (now < this.#lookAt && !(due && this.#found === null)) return;
    const why = await this.#stores.unusable(to);
    this.#lookAt = this.#clock.now() + LOOK_EVERY_MS;
    this.#found = why === null ? null : { why, since: this.#found?.since ?? now };
    if (this.#found === null || this.#clock.now() - this.#found.since < PATIENCE_MS) return;
    this.#found = null;
    throw new HitlessError({
      code: "ERR_SESSIONS_UNREACHABLE",
      what: "The new store of sessions does not do what it is asked.",
      ...(why === null ? {} : { why }),
      next: "Nothing is lost: every change that was told as made is in the old store too, and instances go back to it. Move again when the store is well.",
    });
  }
}
