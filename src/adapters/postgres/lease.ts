import pg from "pg";
import { HitlessError } from "../../base/error.ts";
import type { Reading } from "../../database/backfill/pace-law.ts";
import type { Catalog } from "../../database/catalog.ts";
import type { ChangeSet } from "../../database/change-set.ts";
import { literal, type ObjectName } from "../../database/names.ts";
import type { AppliedMigration } from "../../database/pending.ts";
import type { Backfill, LockMode } from "../../database/plan/action.ts";
import type { ToolRow } from "../../database/source/bookkeeping.ts";
import type {
  BackfillRecord,
  BatchOutcome,
  BatchRequest,
  BatchWorker,
  Blocker,
  ComparisonOutcome,
  DatabaseLease,
  JournalRow,
  StepOutcome,
  StepRequest,
  Stretch,
  Survey,
  SurveyOutcome,
} from "../../ports/database.ts";
import { holdersOf } from "./blockers.ts";
import { readCatalog } from "./catalog.ts";
import { connect, type Connection } from "./connection.ts";
import { Guard } from "./guard.ts";
import { LoadReader } from "./load.ts";
import { ask, readApplied, readChangeSets, readJournal, readToolRows } from "./records.ts";
import { beginSql, forgetSql, keepSql, readStretches } from "./stretches.ts";
import { probeOf, readSurvey } from "./survey.ts";
import type { Taken } from "./taking.ts";
import { PostgresWalker, type ComparisonRequest } from "./walker.ts";

/** A survey locks nothing; this is when it is looked who waits all the same. */
const SURVEY_LOCK_MS = 1_000;

/** Changes a database that it has taken: everything it writes is fenced by its token. */
export class PostgresLease implements DatabaseLease {
  readonly #parts: Taken;
  readonly #guard: Guard;
  readonly #walker: PostgresWalker;
  readonly #load: LoadReader;

  constructor(parts: Taken) {
    this.#parts = parts;
    this.#guard = new Guard(parts);
    this.#walker = new PostgresWalker(this.#guard);
    this.#load = new LoadReader(parts.url);
  }

  get #connection(): Connection {
    return this.#parts.connection;
  }

  catalog(): Promise<Catalog> {
    return readCatalog(this.#connection);
  }

  changeSets(): Promise<readonly ChangeSet[]> {
    return readChangeSets(this.#connection, this.#parts.app);
  }

  async save({ app, release, state, plan, keptUntilMs }: ChangeSet): Promise<void> {
    const gone = state === "reverted";
    const migrations = plan.migrations.map(
      ({ version, name, checksum }) =>
        `INSERT INTO hitless.migrations (app, version, name, checksum, release) VALUES (${[app, version, name, checksum].map(literal).join(", ")}, ${String(release)})
         ON CONFLICT (app, version) DO UPDATE SET checksum = excluded.checksum, release = excluded.release`,
    );
    await this.#write([
      `INSERT INTO hitless.change_sets (app, release, state, plan, kept_until)
         VALUES (${literal(app)}, ${String(release)}, ${literal(state)}, ${literal(JSON.stringify(plan))}, to_timestamp(${String(keptUntilMs ?? "NULL")} / 1000.0))
         ON CONFLICT (app, release) DO UPDATE SET state = excluded.state, plan = excluded.plan, kept_until = excluded.kept_until, changed_at = now()`,
      ...(gone ? [`DELETE FROM hitless.migrations WHERE app = ${literal(app)} AND release = ${String(release)}`] : migrations),
      ...(gone ? (plan.bookkeeping?.forget ?? []) : state === "expanded" ? (plan.bookkeeping?.record ?? []) : []),
    ]);
  }

  journal(release: number): Promise<readonly JournalRow[]> {
    return readJournal(this.#connection, this.#parts.app, release);
  }

  applied(): Promise<readonly AppliedMigration[]> {
    return readApplied(this.#connection, this.#parts.app);
  }

  async step(request: StepRequest): Promise<StepOutcome> {
    const { lockTimeoutMs, cutOff } = request;
    const opening = [
      "BEGIN",
      `SET LOCAL lock_timeout = ${String(lockTimeoutMs)}`,
      `SET LOCAL statement_timeout = ${String(cutOff?.limitMs ?? 0)}`,
      this.#guard.fence,
    ];
    const sent = { before: `${opening.join(";\n")};\n`, sql: request.sql.join(";\n") };
    const whole = [...opening, ...request.sql, this.#mark(request), "COMMIT"].join(";\n");
    const work = (): Promise<unknown> => this.#connection.query(whole);
    const outcome = await this.#guard.watched(lockTimeoutMs, work, { cutOff, sent: () => sent });
    if (outcome.kind !== "refused" || request.which !== true) return outcome;
    return { ...outcome, statement: await this.#refusedOne({ opening, sql: request.sql, code: outcome.code }) };
  }

  /** PostgreSQL does not say it: they are run one by one, and taken back. Undefined: none by itself, as where a constraint is checked at the end. */
  async #refusedOne(tried: { readonly opening: readonly string[]; readonly sql: readonly string[]; readonly code: string }) {
    let at = -1;
    try {
      await this.#connection.query(tried.opening.join(";\n"));
      for (const statement of tried.sql) {
        at += 1;
        await this.#connection.query(statement);
      }
      return undefined;
    } catch (error) {
      return at >= 0 && error instanceof pg.DatabaseError && error.code === tried.code ? at : undefined;
    } finally {
      await this.#connection.query("ROLLBACK").catch(() => undefined);
    }
  }

  alone(request: StepRequest): Promise<StepOutcome> {
    const { lockTimeoutMs, sql, cutOff } = request;
    const limits = `SET lock_timeout = ${String(lockTimeoutMs)}; SET statement_timeout = ${String(cutOff?.limitMs ?? 0)}`;
    let sent = { before: "", sql: "" };
    const work = async (): Promise<void> => {
      await this.#connection.query(`${limits}; ${this.#guard.fence}`);
      // Each on its own: several statements in one text would be one transaction.
      for (const statement of sql) {
        sent = { before: "", sql: statement };
        await this.#connection.query(statement);
      }
      sent = { before: "", sql: "" };
      await this.#connection.query(`SET lock_timeout = 0; SET statement_timeout = 0; ${this.#mark(request)}`);
    };
    return this.#guard.watched(lockTimeoutMs, work, { cutOff, sent: () => sent });
  }

  toolRows(table: ObjectName): Promise<readonly ToolRow[] | null> {
    return readToolRows(this.#connection, table);
  }

  ask(sql: string, signal?: AbortSignal): Promise<boolean> {
    const asked = (): Promise<boolean> => ask(this.#connection, sql);
    return signal === undefined ? asked() : this.#guard.endedBy(signal, asked);
  }

  async texts(sql: string): Promise<readonly string[]> {
    const rows = await this.#connection.query(sql);
    return rows.map((row) => String(Object.values(row)[0]));
  }

  holders(table: string, lock: LockMode): Promise<readonly Blocker[]> {
    return holdersOf(this.#parts.watcher, table, lock);
  }

  batch(request: BatchRequest): Promise<BatchOutcome> {
    return this.#walker.batch(request);
  }

  sift(request: BatchRequest): Promise<BatchOutcome> {
    return this.#walker.sift(request);
  }

  retry(request: BatchRequest): Promise<BatchOutcome> {
    return this.#walker.retry(request);
  }

  compare(request: ComparisonRequest): Promise<ComparisonOutcome> {
    return this.#walker.compare(request);
  }

  async survey(backfill: Backfill, parts: number): Promise<SurveyOutcome> {
    const surveys: Survey[] = [];
    const survey = async (): Promise<void> => {
      surveys.push(await readSurvey(this.#connection, backfill, parts));
    };
    const outcome = await this.#guard.watched(SURVEY_LOCK_MS, survey, { sent: () => probeOf(backfill) });
    const [found] = surveys;
    return outcome.kind === "done" ? { kind: "surveyed", survey: found as Survey } : outcome;
  }

  stretches(release: number, action: string): Promise<readonly Stretch[]> {
    return readStretches(this.#connection, this.#parts.app, { release, action });
  }

  async begin(release: number, action: string, stretches: readonly Stretch[]): Promise<void> {
    await this.#write(beginSql(this.#parts.app, { release, action }, stretches));
  }

  async keep(release: number, action: string, record: BackfillRecord): Promise<void> {
    await this.#write([keepSql(this.#parts.app, { release, action }, record)]);
  }

  load(table: string): Promise<readonly Reading[]> {
    return this.#load.readings(table);
  }

  number(sql: string): Promise<number> {
    return this.#load.number(sql);
  }

  async worker(): Promise<BatchWorker> {
    return new PostgresWalker(this.#guard.on(await connect(this.#parts.url)));
  }

  async close(): Promise<void> {
    await Promise.all([this.#walker.close(), this.#parts.watcher.close(), this.#load.close()]);
  }

  #mark({ release, action, mark }: StepRequest): string {
    return `INSERT INTO hitless.actions (app, release, action, state) VALUES (${literal(this.#parts.app)}, ${String(release)}, ${literal(action)}, ${literal(mark)})
      ON CONFLICT (app, release, action) DO UPDATE SET state = excluded.state, changed_at = now();
      ${forgetSql(this.#parts.app, { release, action })}`;
  }

  /** What Hitless keeps for itself, fenced, in one transaction. */
  async #write(sql: readonly string[]): Promise<void> {
    await this.#connection
      .query(["BEGIN", this.#guard.fence, ...sql, "COMMIT"].join(";\n"))
      .catch((error: unknown) => this.#failed(error));
  }

  async #failed(error: unknown): Promise<never> {
    const outcome = await this.#guard.outcome(error, []);
    throw new HitlessError(
      {
        code: outcome.kind === "lost" ? "ERR_DATABASE_UNREACHABLE" : "ERR_DATABASE_FAILED",
        what: "What Hitless keeps in the database could not be written.",
        why: "message" in outcome ? outcome.message : "A lock was not to be had.",
      },
      { cause: error },
    );
  }
}
