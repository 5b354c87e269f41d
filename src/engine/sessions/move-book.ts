import type { SessionMove } from "../../core/session-move/move.ts";
import type { SessionMoveStore } from "../../ports/session-moves.ts";

/** The last move of each app, as it is on disk. */
export class MoveBook {
  readonly #store: SessionMoveStore;
  readonly #held: () => Promise<void>;
  readonly #moves = new Map<string, SessionMove>();
  #writing: Promise<unknown> = Promise.resolve();

  /** `held` resolves while this daemon may act. @throws ERR_STALE_EPOCH when another has taken over */
  constructor(store: SessionMoveStore, held: () => Promise<void>) {
    this.#store = store;
    this.#held = held;
  }

  async load(): Promise<void> {
    for (const move of await this.#store.moves()) this.#moves.set(move.app, move);
  }

  all(): readonly SessionMove[] {
    return [...this.#moves.values()];
  }

  of(app: string): SessionMove | null {
    return this.#moves.get(app) ?? null;
  }

  /** On disk, then in force. One change after the other, each of what the one before has left. @throws ERR_STALE_EPOCH: the book is another daemon's now */
  change(app: string, change: (move: SessionMove | null) => SessionMove): Promise<SessionMove> {
    const changed = this.#writing.then(async () => {
      await this.#held();
      const before = this.of(app);
      const after = change(before);
      if (after !== before) await this.#store.save(after);
      this.#moves.set(app, after);
      return after;
    });
    this.#writing = changed.catch(() => undefined);
    return changed;
  }

  /** As `change`, unless the move has come to another phase meanwhile. */
  advance(move: SessionMove, change: (move: SessionMove) => SessionMove): Promise<SessionMove> {
    return this.change(move.app, (now) => {
      const isSame = now?.id === move.id && now.phase === move.phase;
      return isSame ? change(now) : (now ?? move);
    });
  }
}
