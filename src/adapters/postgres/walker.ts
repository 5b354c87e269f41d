import pg from "pg";
import { queryOver } from "../../database/backfill/range-query.ts";
import { literal } from "../../database/names.ts";
import type {
  BackfillCursor,
  BatchOutcome,
  BatchRequest,
  BatchWorker,
  ComparisonOutcome,
  FailedRow,
  HalfDone,
  StepOutcome,
  Stretch,
} from "../../ports/database.ts";
import type { Guard } from "./guard.ts";
import { from, keyTexts, nextKey, rangeSql, relationSql, rowOf } from "./range.ts";
import { moveSql } from "./stretches.ts";

/** By their places, of which a page has about as many of the one kind as of the other. */
const EVERY_SECOND = "hashtid(ctid) & 1 = 0";

export type ComparisonRequest = Parameters<BatchWorker["compare"]>[0];

/** Data that does not fit, a constraint, a trigger that says no, a limit: it is in the row, not in the statement. */
const ROW_FAULT = /^(21|22|23|54|P0)/;

/** Walks along stretches on one connection. */
export class PostgresWalker implements BatchWorker {
  readonly #guard: Guard;

  constructor(guard: Guard) {
    this.#guard = guard;
  }

  /**
   * In halves it is every second row of the next range, then what is left of the range before: the old versions of what an earlier batch has moved
   * are cleared away meanwhile, so that these rows stay in their pages, and no index has to be told (HOT). A statement later, and not in the same
   * batch, as versions are kept for as long as anybody else's statement (another worker's, say) is older than the commit.
   */
  batch(request: BatchRequest): Promise<BatchOutcome> {
    return this.#committed(request, async () => {
      const { connection } = this.#guard;
      const { after, until } = request.stretch.cursor;
      const half = halfOf(request);
      const ahead = { ...request, stretch: from(request.stretch, half?.to ?? after) };
      const next = await nextKey(connection, ahead.stretch, request.size);
      const first = rangeChangeSql(ahead, next ?? until, request.halves && next !== null ? [EVERY_SECOND] : []);
      const rest = half === undefined ? [] : [rangeChangeSql(request, half.to)];
      const counts = await connection.counts([...this.#opening(request), first, ...rest].join(";\n"));
      const [changed = 0, changedOfRest = 0] = counts.slice(-1 - rest.length);
      return moved(request, next, { changed, changedOfRest, failed: [] });
    });
  }

  sift(request: BatchRequest): Promise<BatchOutcome> {
    return this.#committed(request, async () => {
      const next = await nextKey(this.#guard.connection, request.stretch, request.size);
      const rows = await this.#rowsOf(request, next ?? request.stretch.cursor.until);
      return moved({ ...request, halves: false }, next, { ...(await this.#eachOf(request, rows)), changedOfRest: 0 });
    });
  }

  retry(request: BatchRequest): Promise<BatchOutcome> {
    const { cursor } = request.stretch;
    return this.#committed(request, async () => {
      const { changed, failed } = await this.#eachOf(
        request,
        (cursor.failed ?? []).map(({ key }) => key),
      );
      return { ...cursor, rows: cursor.rows + changed, failed };
    });
  }

  async compare(request: ComparisonRequest): Promise<ComparisonOutcome> {
    const { stretch, size, backfill, lockTimeoutMs } = request;
    const found: Extract<ComparisonOutcome, { kind: "compared" }>[] = [];
    const outcome = await this.#guard.watched(lockTimeoutMs, async () => {
      const after = size === null ? null : await nextKey(this.#guard.connection, stretch, size);
      const bounds = rangeSql(stretch, after ?? stretch.cursor.until);
      const [row] = await this.#guard.connection.query<{ rows: string; left: string; different: string | null }>(
        `SELECT count(*) AS rows, count(*) FILTER (WHERE ${spared(stretch, backfill.where)}) AS left,
           ${backfill.differs === undefined ? "NULL" : `count(*) FILTER (WHERE ${spared(stretch, backfill.differs)})`} AS different
         FROM ${relationSql(stretch, backfill.table)} ${bounds.length === 0 ? "" : `WHERE ${bounds.join(" AND ")}`}`,
      );
      const different = row?.different ?? null;
      const comparison = {
        rows: Number(row?.rows ?? 0),
        left: Number(row?.left ?? 0),
        different: different === null ? null : Number(different),
      };
      found.push({ kind: "compared", comparison, after });
    });
    const [compared] = found;
    return outcome.kind === "done" && compared !== undefined ? compared : lostIfDone(outcome);
  }

  close(): Promise<void> {
    return this.#guard.connection.close();
  }

  async #committed(request: BatchRequest, change: () => Promise<BackfillCursor>): Promise<BatchOutcome> {
    const walked: BackfillCursor[] = [];
    const { connection, app } = this.#guard;
    const outcome = await this.#guard.watched(request.lockTimeoutMs, async () => {
      const cursor = await change();
      const [row] = await connection.counts(moveSql(app, request, { ...request.stretch, cursor }));
      if (row !== 1) throw new Error("the backfill was ended by somebody else");
      await connection.query("COMMIT");
      walked.push(cursor);
    });
    const [cursor] = walked;
    if (outcome.kind === "done" && cursor !== undefined) return { kind: "walked", cursor };
    if (outcome.kind === "refused" && ROW_FAULT.test(outcome.code)) return { ...outcome, kind: "faulty" };
    return lostIfDone(outcome);
  }

  /** Row by row, in the transaction that it opens. */
  async #eachOf(request: BatchRequest, rows: readonly (readonly string[])[]): Promise<Changed> {
    const { connection } = this.#guard;
    await connection.query(this.#opening(request).join(";\n"));
    let changed = 0;
    const failed: FailedRow[] = [];
    for (const key of rows) {
      const where = `CASE WHEN ${sameKey(request.stretch, key)} THEN (${request.backfill.where}) END`;
      const sql = changeSql(request, (stretch) => [sameKey(stretch, key)], where);
      try {
        const counts = await connection.counts(`SAVEPOINT one;\n${sql};\nRELEASE one`);
        changed += counts[1] ?? 0;
      } catch (error) {
        if (!(error instanceof pg.DatabaseError) || !ROW_FAULT.test(error.code ?? "")) throw error;
        await connection.query("ROLLBACK TO one");
        failed.push({ key, message: error.message });
      }
    }
    return { changed, failed };
  }

  #opening({ lockTimeoutMs, quiet }: BatchRequest): readonly string[] {
    return [
      "BEGIN",
      `SET LOCAL lock_timeout = ${String(lockTimeoutMs)}`,
      // What a crash takes with it, it takes with its cursor.
      "SET LOCAL synchronous_commit = off",
      "SET LOCAL hitless.backfill = 'on'",
      ...(quiet ? ["SET LOCAL session_replication_role = replica"] : []),
      this.#guard.fence,
    ];
  }

  async #rowsOf({ stretch, backfill }: BatchRequest, upper: readonly string[] | null): Promise<readonly (readonly string[])[]> {
    const key = stretch.key.length === 0 ? ["ctid"] : stretch.key;
    const rows = await this.#guard.connection.query<{ key: string[] }>(
      `SELECT ${keyTexts(key)} AS key FROM ${relationSql(stretch, backfill.table)}
       WHERE ${[...rangeSql(stretch, upper), "true"].join(" AND ")} ORDER BY ${key.join(", ")}`,
    );
    return rows.map((row) => row.key);
  }
}

interface Changed {
  readonly changed: number;
  readonly failed: readonly FailedRow[];
}

/** What is begun of the range after the cursor, where it is gone on with in halves. */
function halfOf({ halves, stretch }: BatchRequest): HalfDone | undefined {
  return halves ? stretch.cursor.half : undefined;
}

function moved(
  request: BatchRequest,
  next: readonly string[] | null,
  { changed, changedOfRest, failed }: Changed & { readonly changedOfRest: number },
): BackfillCursor {
  const { stretch, size, halves } = request;
  const { half: _, ...whole } = stretch.cursor;
  const begun = halfOf(request);
  const half = halves && next !== null ? { to: next, size } : undefined;
  // Of the last batch only what it changed is known; and pages are not rows.
  const seen = next === null ? changed : half === undefined ? size : 0;
  const walked = stretch.key.length === 0 ? changed + changedOfRest : (begun?.size ?? 0) + seen;
  const done = begun?.to ?? whole.after;
  return {
    ...whole,
    after: half === undefined ? (next ?? whole.until ?? done) : done,
    rows: whole.rows + changed + changedOfRest,
    walked: (whole.walked ?? 0) + walked,
    end: next === null,
    half,
    failed: [...(whole.failed ?? []), ...failed],
  };
}

/** What is to do between the cursor and the key `upper`. */
function rangeChangeSql(request: BatchRequest, upper: readonly string[] | null, more: readonly string[] = []): string {
  const where = [`(${request.backfill.where})`, ...more].join(" AND ");
  return changeSql(request, (stretch) => rangeSql(stretch, upper), where);
}

/** `rangeOf`: the conditions for the rows it is about, with the key's columns as the stretch names them. */
function changeSql({ stretch, backfill }: BatchRequest, rangeOf: (stretch: Stretch) => readonly string[], where: string): string {
  if (backfill.query !== undefined) {
    const under = (name: string | null): readonly string[] =>
      stretch.key.map((column) => (name === null ? column : `${name}.${column}`));
    return queryOver(backfill.query, (name) => rangeOf({ ...stretch, key: under(name) }));
  }
  const relation = relationSql(stretch, backfill.table);
  const what = backfill.delete === true ? `DELETE FROM ${relation}` : `UPDATE ${relation} SET ${backfill.set}`;
  return `${what} WHERE ${[...rangeOf(stretch), where].join(" AND ")}`;
}

function sameKey({ key }: Stretch, values: readonly string[]): string {
  if (key.length === 0) return `ctid = ${literal(values[0] ?? "")}::tid`;
  return `${rowOf(key)} = ${rowOf(values.map(literal))}`;
}

/** The condition, without asking it of rows that are known to fail. */
function spared(stretch: Stretch, condition: string): string {
  const failed = stretch.cursor.failed ?? [];
  if (failed.length === 0) return condition;
  return `CASE WHEN ${failed.map(({ key }) => sameKey(stretch, key)).join(" OR ")} THEN false ELSE (${condition}) END`;
}

function lostIfDone(outcome: StepOutcome): Exclude<StepOutcome, { kind: "done" }> {
  return outcome.kind === "done" ? { kind: "lost", message: "the database gave no answer" } : outcome;
}
