import { HitlessError } from "../../base/error.ts";
import type { MovePhase, SessionMove } from "../../core/session-move/move.ts";
import type { Clock } from "../../ports/clock.ts";
import type { MoveSide, SessionStores } from "../../ports/session-moves.ts";

const LOOK_EVERY_MS = 5_000;
/** A store that is being restarted is back within that. */
const PATIENCE_MS = 30_000;

/** As long as the move can still go back because of it. */
const NEEDS_NEW: readonly MovePhase[] = ["doubling", "switching"];

/** What it means that the old store is gone, and the way out; phases that are not here do not need it, or end at once without it. */
const WITHOUT_OLD: Readonly<Partial<Record<MovePhase, string>>> = {
  doubling: "sessions can be neither read nor written until it is back, with the move or without it: bring it back",
  switching:
    "what is written to sessions waits or fails until it is back, or until all instances know the new store only, which comes next: bring it back, and do not take the move back, as the old store would be read again",
  returning: "the move goes back to it, so sessions cannot be used until it is back: bring it back",
  leaving: "the move goes back to it, so sessions cannot be used until it is back: bring it back",
};

interface Found {
  readonly why: string;
  readonly since: number;
}

/** Whether the stores do what they are asked, each for as long as the move needs it. */
export class StoreWatch {
  readonly #clock: Clock;
  readonly #stores: Pick<SessionStores, "unusable">;
  readonly #found = new Map<MoveSide, Found>();
  #phase: MovePhase | null = null;
  #lookAt = 0;

  constructor(clock: Clock, stores: Pick<SessionStores, "unusable">) {
    this.#clock = clock;
    this.#stores = stores;
  }

  /** What is wrong, and what becomes of it; null: nothing that is known of. */
  get trouble(): string | null {
    const out = `after ${seconds(PATIENCE_MS)} s the move goes back by itself, \`hitless sessions move --abort\` takes it back now`;
    const texts = [...this.#text("new", out), ...this.#text("old", this.#phase === null ? undefined : WITHOUT_OLD[this.#phase])];
    return texts.length === 0 ? null : texts.join("; ");
  }

  get isNewWell(): boolean {
    return !this.#found.has("new");
  }

  /** Looks now and then, and at once if it is `due`. @throws ERR_SESSIONS_UNREACHABLE when the new store has not been usable for too long */
  async look(move: SessionMove, due: boolean): Promise<void> {
    const { phase } = move;
    this.#phase = phase;
    const sides: Readonly<Record<MoveSide, boolean>> = { old: phase in WITHOUT_OLD, new: NEEDS_NEW.includes(phase) };
    for (const side of ["old", "new"] as const) if (!sides[side]) this.#found.delete(side);
    if (this.#clock.now() < this.#lookAt && !(due && this.isNewWell)) return;
    await Promise.all((["old", "new"] as const).filter((side) => sides[side]).map((side) => this.#lookAtStore(move, side)));
    this.#lookAt = this.#clock.now() + LOOK_EVERY_MS;
    this.#giveUp();
  }

  async #lookAtStore(move: SessionMove, side: MoveSide): Promise<void> {
    const since = this.#found.get(side)?.since ?? this.#clock.now();
    const why = await this.#stores.unusable(move, side);
    if (why === null) this.#found.delete(side);
    else this.#found.set(side, { why, since });
  }

  #giveUp(): void {
    const found = this.#found.get("new");
    if (found === undefined || this.#clock.now() - found.since < PATIENCE_MS) return;
    this.#found.delete("new");
    throw new HitlessError({
      code: "ERR_SESSIONS_UNREACHABLE",
      what: "The new store of sessions does not do what it is asked.",
      why: found.why,
      next: "Nothing is lost: every change that was told as made is in the old store too, and instances go back to it. Move again when the store is well.",
    });
  }

  #text(side: MoveSide, out: string | undefined): readonly string[] {
    const found = this.#found.get(side);
    if (found === undefined || out === undefined) return [];
    return [`${found.why} (for ${seconds(this.#clock.now() - found.since)} s); ${out}`];
  }
}

function seconds(ms: number): string {
  return String(Math.round(ms / 1_000));
}
