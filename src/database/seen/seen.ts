/** What a session finds under names without a schema; read by `adapters/postgres/seen.ts`. All SQL texts are PostgreSQL's own. */
export interface Seen {
  readonly relations: readonly SeenRelation[];
  readonly routines: readonly SeenRoutine[];
}

export interface SeenRelation {
  readonly schema: string;
  readonly name: string;
  readonly kind: "table" | "view" | "materialized view" | "foreign table";
  readonly columns: readonly SeenColumn[];
  /** The query of a view. */
  readonly definition: string | null;
}

export interface SeenColumn {
  readonly name: string;
  readonly type: string;
  /** Through a view too: what the table under it refuses. */
  readonly notNull: boolean;
  /** What an INSERT without the column gets; null: null. */
  readonly default: string | null;
}

export interface SeenRoutine {
  readonly schema: string;
  readonly name: string;
  readonly kind: "function" | "procedure" | "aggregate" | "window function";
  /** Types of its arguments, by which it is told from others of its name. */
  readonly types: string;
  /** With names and defaults. */
  readonly arguments: string;
  /** Null: a procedure. */
  readonly returns: string | null;
  /** Language, options and source. */
  readonly body: string;
}

/** Names of overlays stand in pinned paths, and in what Hitless has qualified. */
export const withoutOverlays = (text: string): string => text.replace(/"?\bhitless_\w+_r\d+\b"?(\.|, ?)?/g, "");
