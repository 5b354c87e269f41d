import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { HitlessError } from "../../base/error.ts";
import type { Reading } from "../../database/backfill/pace-law.ts";
import type { Catalog } from "../../database/catalog.ts";
import type { ChangeSet } from "../../database/change-set.ts";
import type { AppliedMigration } from "../../database/pending.ts";
import type { Backfill, LockMode } from "../../database/plan/action.ts";
import { literal, qualified, type ObjectName } from "../../database/names.ts";
import type { ToolRow } from "../../database/source/bookkeeping.ts";
import type {
  BackfillRecord,
  BatchOutcome,
  BatchRequest,
  BatchWorker,
  Blocker,
  ComparisonOutcome,
  Database,
  DatabaseLease,
  JournalRow,
  StepOutcome,
  StepRequest,
  Stretch,
  Survey,
  SurveyOutcome,
} from "../../ports/database.ts";
import { holdersOf } from "./blockers.ts";
import { readCatalog, readWhereabouts } from "./catalog.ts";
import { connect, type Connection } from "./connection.ts";
import { Guard } from "./guard.ts";
import { LoadReader } from "./load.ts";
import { JOURNAL_IS_THERE, JOURNAL_SCHEMA } from "./journal-schema.ts";
import { readMissing } from "./privileges.ts";
import { readSeen } from "./seen.ts";
import { readStatements } from "./statements.ts";
import { beginSql, forgetSql, keepSql, readStretches } from "./stretches.ts";
import { readSurvey } from "./survey.ts";
import { PostgresWalker, type ComparisonRequest } from "./walker.ts";
import { dropRoles, makeRole, sightOf } from "./sessions.ts";
import { readCalls, readConnections, readUnnamed } from "./usage.ts";

const LEAVING_MS = 2_000;
const LOOK_MS = 50;
/** A survey locks nothing; this is when it is looked who waits all the same. */
const SURVEY_LOCK_MS = 1_000;
const NO_PRIVILEGE = "42501";

/** PostgreSQL 14 and later, with an ordinary role. */
export const postgresDatabase: Database = {
  catalog: (url) => using(url, (connection) => readCatalog(connection)),
  missing: (url, needs) => using(url, (connection) => readMissing(connection, needs)),
  seen: (url, searchPath) => using(url, (connection) => readSeen(connection, searchPath)),
  whereabouts: (url) => using(url, readWhereabouts),
  changeSets: (url, app) => using(url, (connection) => readChangeSets(connection, app)),
  applied: (url, app) => using(url, (connection) => readApplied(connection, app)),
  statements: (url) => using(url, readStatements),
  journal: (url, app, release) => using(url, (connection) => readJournal(connection, app, release)),
  ask: (url, sql) => using(url, (connection) => ask(connection, sql)),
  toolRows: (url, table) => using(url, (connection) => readToolRows(connection, table)),
  connections: (url, app) => using(url, (connection) => readConnections(connection, app)),
  unnamed: (url, app, release) => using(url, (connection) => readUnnamed(connection, app, release)),
  calls: (url, set) => using(url, (connection) => readCalls(connection, set)),
  sight: sightOf,
  role: (url, session) => using(url, (connection) => makeRole(connection, url, session)),
  dropRoles: (url, app, before) => using(url, (connection) => dropRoles(connection, app, before)),
  lease: async (url, app) => {
    const connection = await connect(url);
    const watcher = await connect(url).catch(async (error: unknown) => {
      await connection.close();
      throw error;
    });
    try {
      if (await isPooled(connection, watcher)) throw pooled();
      return new PostgresLease({ connection, watcher, app, url, token: await take(connection, app) });
    } catch (error) {
      await Promise.all([connection.close(), watcher.close()]);
      throw error;
    }
  },
};

async function using<T>(url: string, work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await connect(url);
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

/** Two connections that are served by one server process, or one that is served by two: a pooler that gives out its sessions by transaction. */
async function isPooled(one: Connection, other: Connection): Promise<boolean> {
  const pid = async (connection: Connection): Promise<number> =>
    (await connection.query<{ pid: number }>("SELECT pg_backend_pid() AS pid"))[0]?.pid ?? 0;
  const pids = [await pid(one), await pid(other), await pid(one)];
  return pids[0] === pids[1] || pids[0] !== pids[2];
}

function pooled(): HitlessError {
  return new HitlessError({
    code: "ERR_DATABASE_SESSION",
    what: "Hitless reaches the database through a pooler that gives out sessions by transaction.",
    why: "Its locks belong to a session of its own.",
    next: "Put a URL that goes past the pooler into a variable, and name that in `database.directVariable`. Nothing was changed.",
  });
}

/** The advisory lock keeps two runners apart; the token stops one that lost its connection without knowing. */
async function take(connection: Connection, app: string): Promise<string> {
  if (!(await locked(connection, app))) {
    throw new HitlessError({
      code: "ERR_DATABASE_BUSY",
      what: `Another runner is changing the database of ${app}.`,
      next: "Wait for it, or end the session that is called hitless in pg_stat_activity. Nothing was changed.",
    });
  }
  try {
    const [there] = await connection.query<{ there: boolean }>(JOURNAL_IS_THERE);
    if (there?.there !== true) await connection.query(JOURNAL_SCHEMA);
  } catch (error) {
    throw privilege(error);
  }
  const [row] = await connection.query<{ token: string }>(
    "INSERT INTO hitless.runners AS r VALUES ($1, 1) ON CONFLICT (app) DO UPDATE SET token = r.token + 1 RETURNING token",
    [app],
  );
  return row?.token ?? "0";
}

/** A runner that has just ended, or whose connection was cut, holds the lock until its server process is gone. */
async function locked(connection: Connection, app: string): Promise<boolean> {
  const until = performance.now() + LEAVING_MS;
  for (;;) {
    const [lock] = await connection.query<{ held: boolean }>("SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS held", [
      `hitless ${app}`,
    ]);
    if (lock?.held === true) return true;
    if (performance.now() >= until) return false;
    await sleep(LOOK_MS);
  }
}

function privilege(error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError) || error.code !== NO_PRIVILEGE) return error;
  return new HitlessError(
    {
      code: "ERR_DATABASE_PRIVILEGE",
      what: "The database role may not make schemas.",
      why: error.message,
      next: "GRANT CREATE ON DATABASE … TO the role of DATABASE_URL. Nothing was changed.",
    },
    { cause: error },
  );
}

async function readChangeSets(connection: Connection, app: string): Promise<readonly ChangeSet[]> {
  const [there] = await connection.query<{ there: boolean }>("SELECT to_regclass('hitless.change_sets') IS NOT NULL AS there");
  if (there?.there !== true) return [];
  // An earlier Hitless has made the table without the column for that.
  const keptUntil = "(extract(epoch FROM (to_jsonb(s) ->> 'kept_until')::timestamptz) * 1000)::float8";
  return connection.query<ChangeSet>(
    `SELECT app, release, state, plan, ${keptUntil} AS "keptUntilMs" FROM hitless.change_sets s WHERE app = $1 ORDER BY release`,
    [app],
  );
}

async function readApplied(connection: Connection, app: string): Promise<readonly AppliedMigration[]> {
  const [there] = await connection.query<{ there: boolean }>("SELECT to_regclass('hitless.migrations') IS NOT NULL AS there");
  if (there?.there !== true) return [];
  return connection.query<AppliedMigration>("SELECT version, checksum FROM hitless.migrations WHERE app = $1 ORDER BY version", [
    app,
  ]);
}

/** The journal is there where a change set is. */
function readJournal(connection: Connection, app: string, release: number): Promise<readonly JournalRow[]> {
  return connection.query<JournalRow>("SELECT action, state, cursor FROM hitless.actions WHERE app = $1 AND release = $2", [
    app,
    release,
  ]);
}

async function ask(connection: Connection, sql: string): Promise<boolean> {
  const [row] = await connection.query(sql);
  return Object.values(row ?? {})[0] === true;
}

async function readToolRows(connection: Connection, table: ObjectName): Promise<readonly ToolRow[] | null> {
  const name = qualified(table);
  const [there] = await connection.query<{ there: boolean }>("SELECT to_regclass($1) IS NOT NULL AS there", [name]);
  if (there?.there !== true) return null;
  return (await connection.query<{ row: ToolRow }>(`SELECT to_jsonb(t) AS row FROM ${name} t`)).map(({ row }) => row);
}

interface LeaseParts {
  readonly connection: Connection;
  readonly watcher: Connection;
  readonly app: string;
  readonly token: string;
  readonly url: string;
}

class PostgresLease implements DatabaseLease {
  readonly #parts: LeaseParts;
  readonly #guard: Guard;
  readonly #walker: PostgresWalker;
  readonly #load: LoadReader;

  constructor(parts: LeaseParts) {
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

  step(request: StepRequest): Promise<StepOutcome> {
    const sql = [
      "BEGIN",
      `SET LOCAL lock_timeout = ${String(request.lockTimeoutMs)}`,
      `SET LOCAL statement_timeout = ${String(request.cutOff?.limitMs ?? 0)}`,
      this.#guard.fence,
      ...request.sql,
      this.#mark(request),
      "COMMIT",
    ];
    return this.#guard.watched(request.lockTimeoutMs, () => this.#connection.query(sql.join(";\n")), request.cutOff);
  }

  alone(request: StepRequest): Promise<StepOutcome> {
    const { lockTimeoutMs, sql, cutOff } = request;
    const limits = `SET lock_timeout = ${String(lockTimeoutMs)}; SET statement_timeout = ${String(cutOff?.limitMs ?? 0)}`;
    const work = async (): Promise<void> => {
      await this.#connection.query(`${limits}; ${this.#guard.fence}`);
      // Each on its own: several statements in one text would be one transaction.
      for (const statement of sql) await this.#connection.query(statement);
      await this.#connection.query(`SET lock_timeout = 0; SET statement_timeout = 0; ${this.#mark(request)}`);
    };
    return this.#guard.watched(lockTimeoutMs, work, cutOff);
  }

  toolRows(table: ObjectName): Promise<readonly ToolRow[] | null> {
    return readToolRows(this.#connection, table);
  }

  ask(sql: string): Promise<boolean> {
    return ask(this.#connection, sql);
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
    const outcome = await this.#guard.watched(SURVEY_LOCK_MS, async () => {
      surveys.push(await readSurvey(this.#connection, backfill, parts));
    });
    const [survey] = surveys;
    return outcome.kind === "done" ? { kind: "surveyed", survey: survey as Survey } : outcome;
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
