import type { SessionMove } from "../core/session-move/move.ts";

/** The durable memory of moves: one for each app, the last one. */
export interface SessionMoveStore {
  /** Of every app. */
  moves(): Promise<readonly SessionMove[]>;
  /** On disk when its promise resolves. */
  save(move: SessionMove): Promise<void>;
}

export interface SessionCopy {
  readonly move: SessionMove;
  readonly prefix: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
}

export type MoveSide = "old" | "new";

/** The two stores between which sessions move. */
export interface SessionStores {
  /** Why sessions cannot be moved from the one URL to the other: every reason that is seen. None: they can. */
  problems(from: string, to: string): Promise<readonly string[]>;
  /** Why this store of the move cannot be written just now; null: it can. */
  unusable(move: SessionMove, side: MoveSide): Promise<string | null>;
  /** Of these instances, those that have said that they write into both stores, with what the ids of their sessions begin with. */
  marks(move: SessionMove, instances: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Makes the new store have the sessions of the old one as they are there, and under a prefix no others. `written`: how many were not so. Safe to repeat. @throws when a store fails, or the signal's reason */
  copy(copy: SessionCopy): Promise<{ readonly sessions: number; readonly written: number }>;
  /** Removes from the store that nobody reads any more the sessions that the other one has, and what the move has left. Safe to repeat. */
  tidy(move: SessionMove): Promise<void>;
}
