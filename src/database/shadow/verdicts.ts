import type { Catalog } from "../catalog.ts";
import {
  LOCK_MODES,
  statementsOf,
  type Action,
  type LockMode,
  type Measured,
  type MeasuredTable,
  type Plan,
  type PlannedStatement,
  type Refusal,
} from "../plan/action.ts";
import type { Position } from "../source/position.ts";

/** Below, a scan or a rewrite takes less than one try for a lock may take anyway. */
const SMALL_ROWS = 10_000;

const strength = (lock: LockMode): number => LOCK_MODES.indexOf(lock);

/** The action with what was measured in the place of what the rules say. A backfill is measured as one statement, and stays what it is. */
export function measuredAction(action: Action, measured: Measured, catalog: Catalog): Action {
  const known = measured.filter(({ table }) => sizeOf(catalog, table) !== null);
  const mine = known.find(({ table }) => table === action.table) ?? strongest(known);
  // Of a table that the release brings nobody else knows.
  const brought = action.table !== null && sizeOf(catalog, action.table) === null;
  if (action.run.kind === "backfill" || mine === undefined || brought) return { ...action, measured: known };
  // A weak lock that nobody feels is not worth a look at the table before each try.
  const felt = action.table !== null || strength(mine.lock) >= strength("SHARE UPDATE EXCLUSIVE");
  return { ...action, measured: known, ...(felt ? { table: mine.table, lock: mine.lock } : {}), work: mine.work };
}

function strongest(measured: Measured): MeasuredTable | undefined {
  return measured.toSorted((one, other) => strength(other.lock) - strength(one.lock))[0];
}

/** Rows of a table or materialized view that is there; -1: not known; null: it is none. */
function sizeOf(catalog: Catalog, label: string): number | null {
  const is = ({ schema, name }: { schema: string; name: string }): boolean => `${schema}.${name}` === label;
  const table = catalog.tables.find(is);
  if (table !== undefined) return table.rows;
  return catalog.views.some((view) => is(view)) ? -1 : null;
}

/** Work that grows with the table, while its writers wait. */
export function hazardOf(plan: Plan, action: Action, catalog: Catalog): Refusal | null {
  if (action.accepted === true || action.run.kind !== "transaction") return null;
  const bad = action.measured?.find(({ table, lock, work }) => {
    const rows = sizeOf(catalog, table) ?? -1;
    return work !== "instant" && strength(lock) >= strength("SHARE") && (rows < 0 || rows > SMALL_ROWS);
  });
  if (bad === undefined) return null;
  const stops = bad.lock === "ACCESS EXCLUSIVE" ? "all reads and writes" : "all writes";
  return {
    ...placed(plan, action),
    rule: "long-lock",
    why: `measured: "${action.title}" does a ${bad.work} of ${bad.table} under ${bad.lock}, which stops ${stops} for as long as that takes`,
    write: ["-- hitless: accept long-lock because <the table is small, or nobody uses it meanwhile>"],
  };
}

interface Failure {
  readonly code: string;
  readonly message: string;
  /** Which of the action's it was, from 0. */
  readonly statement?: number | undefined;
}

/** PostgreSQL refused it on the copy, and would in the deployment. */
export function doesNotRun(plan: Plan, action: Action, failure: Failure): Refusal {
  const { code, message, statement } = failure;
  const own = statementsOf(plan, action)[statement ?? -1];
  return {
    ...(own === undefined ? placed(plan, action, message) : { position: own.position, statement: own.text }),
    rule: "does-not-run",
    why: `on a copy of the database, "${action.title}" fails: ${message} (${code})`,
    write: [],
  };
}

function placed(plan: Plan, action: Action, message = ""): { readonly position: Position; readonly statement: string } {
  const { cause } = action;
  const own = plan.statements.find(({ position }) => position === cause);
  const statement = own ?? changing(plan, action, message) ?? plan.statements[0];
  const position = cause ?? statement?.position ?? { path: "", line: 1, column: 1 };
  return { position, statement: statement?.text ?? "" };
}

/** SQLSTATEs by which the rows decide, which in a copy are made up. */
export const dependsOnRows = (code: string): boolean => code.startsWith("22") || code.startsWith("23");

/** What no statement asks for by itself is of those that change its table: of the one that names the column that the message names. */
function changing({ statements, actions }: Plan, { table }: Action, message: string): PlannedStatement | undefined {
  if (table === null) return undefined;
  const ids = new Set(actions.filter((one) => one.table === table).map(({ id }) => id));
  const found = statements.filter((statement) => statement.actions.some((id) => ids.has(id)));
  const column = /\bcolumn "?([^\s"]+)"? of table\b/.exec(message)?.[1];
  const named = column === undefined ? undefined : found.find(({ text }) => wordsOf(text).includes(column));
  return named ?? found[0];
}

const wordsOf = (text: string): readonly string[] => text.split(/[^\p{L}\p{N}_$]+/u);

/** What can fail on a copy only: roles, extensions and privileges are the real server's. */
export const isOfTheCopy = (code: string, message: string): boolean =>
  code === "" ||
  code === "42501" ||
  /\b(role|extension|tablespace) "|extension control file/.test(message) ||
  code.startsWith("58");

/** Something that an earlier failure has not made. */
export const isMissing = (code: string): boolean => ["42703", "42P01", "42883", "42704", "3F000"].includes(code);
