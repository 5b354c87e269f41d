import { LOCK_MODES, type LockMode, type Measured, type MeasuredTable } from "../../../database/plan/action.ts";
import type { Queryable } from "../queryable.ts";

const RELATIONS = `
  SELECT c.oid::text, c.relkind AS kind, COALESCE(i.indrelid, c.oid)::text AS table, n.nspname || '.' || c.relname AS name,
         COALESCE(pg_relation_filenode(c.oid), 0)::text AS file, pg_stat_get_xact_numscans(c.oid)::int AS scans
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid
  WHERE c.relkind IN ('r', 'p', 'm', 'v', 'i', 'I') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

const LOCKS = `SELECT relation::text AS oid, mode FROM pg_locks
  WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted`;

interface Relation {
  readonly oid: string;
  readonly kind: string;
  /** Of an index: its table. */
  readonly table: string;
  readonly name: string;
  /** Changes when it is written anew. */
  readonly file: string;
  /** Begun in this transaction, and a little before. */
  readonly scans: number;
}

/** What the work locks, reads and rewrites; inside of a transaction, whose locks are all the work's. */
export async function measure(database: Queryable, work: () => Promise<void>): Promise<Measured> {
  const before = await database.query<Relation>(RELATIONS);
  await work();
  const locks = await database.query<{ oid: string; mode: string }>(LOCKS);
  const after = new Map((await database.query<Relation>(RELATIONS)).map((relation) => [relation.oid, relation]));
  const tables = before.filter(({ kind }) => kind !== "i" && kind !== "I");
  return tables.flatMap((table): MeasuredTable[] => {
    const parts = new Set(before.filter((one) => one.table === table.oid).map(({ oid }) => oid));
    const taken = locks.filter(({ oid }) => parts.has(oid)).map(({ mode }) => lockMode(mode));
    const lock = taken.toSorted((one, other) => LOCK_MODES.indexOf(other) - LOCK_MODES.indexOf(one))[0];
    if (lock === undefined) return [];
    return [{ table: table.name, lock, work: workOn(table, before, after) }];
  });
}

function workOn(table: Relation, before: readonly Relation[], after: ReadonlyMap<string, Relation>): MeasuredTable["work"] {
  const now = after.get(table.oid);
  if (now === undefined) return "instant";
  if (now.file !== table.file) return "rewrite";
  const parts = before.filter((one) => one.table === table.oid);
  const rebuilt = parts.some((index) => index !== table && index.file !== (after.get(index.oid)?.file ?? index.file));
  // A look into an index finds one row; what reads all rows reads the table.
  const scanned = now.scans > table.scans;
  const known = new Set(parts.map(({ oid }) => oid));
  const built = [...after.values()].some((one) => one.table === table.oid && !known.has(one.oid));
  if (rebuilt || (built && scanned)) return "index build";
  return scanned ? "scan" : "instant";
}

/** pg_locks says `AccessExclusiveLock`. */
function lockMode(mode: string): LockMode {
  const words = mode
    .replace(/Lock$/, "")
    .replace(/(?<=[a-z])(?=[A-Z])/g, " ")
    .toUpperCase();
  return LOCK_MODES.find((known) => known === words) ?? "ACCESS EXCLUSIVE";
}
