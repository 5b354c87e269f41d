/** A session as it is stored. */
export interface StoredSession {
  readonly id: string;
  readonly text: string;
  /** Until it ends, in ms; null: never. */
  readonly ttlMs: number | null;
}

/** What the store itself knows. */
export interface StoreFigures {
  /** What all of it takes, other data in the same place included. */
  readonly memoryBytes: number | null;
  /** Commands since the store was started; null where it does not count. */
  readonly commands: number | null;
}

/** Where sessions are kept: texts under ids, each until its time has come. */
export interface Backend {
  get(id: string): Promise<string | null>;
  /** `ttlMs`: from now on. */
  set(id: string, text: string, ttlMs: number): Promise<void>;
  /** Nothing happens if there is such a session. `ttlMs` null: for ever. */
  add(id: string, text: string, ttlMs: number | null): Promise<void>;
  /** Only the time changes; nothing happens if there is no such session. */
  touch(id: string, ttlMs: number): Promise<void>;
  remove(id: string): Promise<void>;
  ids(): Promise<string[]>;
  /** Those of the given ids that are still there. */
  read(ids: readonly string[]): Promise<readonly StoredSession[]>;
  figures(): Promise<StoreFigures>;
  clear(): Promise<void>;
  close(): Promise<void>;
}

/**
 * What the ids begin with; who is told of what goes wrong with the connection; and whether a store that is not there, or does not let us in, is waited for (an application), or
 * is an error soon (a command). Default: waited for, as far as its client does.
 */
export type OpenArguments = readonly [prefix: string, onError: (error: unknown) => void, patience?: "waits" | "fails"];
