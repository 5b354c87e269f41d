import { HitlessError } from "../../base/error.ts";
import { createRng } from "../../base/rng.ts";
import { ownUrl, type DatabaseSpec } from "../../core/database-spec.ts";
import { columnsOf } from "../../core/preparation/prepare.ts";
import type { StepDefinition, StepWork } from "../../core/preparation/step-definition.ts";
import { timeLeftMs } from "../../core/preparation/step-record.ts";
import { tableOf, type Catalog, type Table } from "../../database/catalog.ts";
import { ident, qualified, writtenName } from "../../database/names.ts";
import type { Action, Backfill } from "../../database/plan/action.ts";
import { aloneRun } from "../../database/plan/alone.ts";
import { keyOf } from "../../database/plan/alter.ts";
import type { DatabaseLease } from "../../ports/database.ts";
import { runBackfill } from "../database/backfill.ts";
import { incomplete } from "../database/backfill-words.ts";
import { unlessLeft } from "../database/leaving.ts";
import type { Patience } from "../database/patience.ts";
import { runStep, type StepRunner } from "../database/steps.ts";
import { DONE, type StepEnd, type StepPorts, type StepRun } from "./step-run.ts";

/** So much later than the daemon the server ends a statement whose time is over. */
const LATE_MS = 1_000;
/** How long a server may take to end a query. */
const CANCEL_MS = 3_000;
/** PostgreSQL's longest timeout. */
const LONGEST_MS = 2_147_483_647;
/** Steps are no release's: their rows in the journal of the database have this number. */
const NO_RELEASE = 0;

type Work<K extends StepWork["kind"]> = Extract<StepWork, { kind: K }>;

/** What goes along a table. */
type Walk = Work<"update"> | Work<"batches">;

/** SQL, once: the database's own journal says whether it was done, whatever died in between. */
export async function runSql(ports: StepPorts, run: StepRun, work: Work<"sql">): Promise<StepEnd> {
  return leased(ports, run, async (runner, action) => {
    const rows = await runner.lease.journal(NO_RELEASE);
    if (rows.some((row) => row.action === action.id && row.state === "done")) return DONE;
    const request = { release: NO_RELEASE, action: action.id, sql: [work.sql], mark: "done" as const };
    const ran = work.alone ? await outside(ports, runner.lease, work.sql) : ({ kind: "transaction", sql: request.sql } as const);
    const own = { ...runner, patience: ending(ports, run, runner.patience) };
    await runStep(own, request, { ...action, run: ran, written: work.sql });
    return DONE;
  });
}

/** Its statement ends when the attempt does. Nobody need be there for that: the server knows how long its window is open. */
function ending({ clock }: StepPorts, run: StepRun, patience: Patience): Patience {
  return {
    ...patience,
    cutOff: () => {
      const leftMs = timeLeftMs(run.record(), clock.now());
      return { signal: run.cut, limitMs: leftMs === null ? null : Math.min(LONGEST_MS, Math.ceil(leftMs + LATE_MS)) };
    },
  };
}

async function outside(ports: StepPorts, lease: DatabaseLease, sql: string): Promise<Action["run"]> {
  const language = await ports.language();
  const [statement, ...others] = language.parse(sql);
  if (statement !== undefined && others.length === 0) return aloneRun(statement, (await lease.catalog()).schema, language);
  throw new HitlessError({
    code: "ERR_DATABASE_REFUSED",
    what: `A step with \`transaction = false\` is one statement; here are ${String(others.length + 1)}.`,
    why: "Together they would be a transaction.",
    next: "Make a step of each, and run `hitless prepare` again.",
  });
}

/** Rows in batches; cursor and batch are one transaction. */
export async function runWalk(ports: StepPorts, run: StepRun, work: Walk): Promise<StepEnd> {
  return leased(ports, run, async (runner, action) => {
    const table = tableIn(await runner.lease.catalog(), work.table);
    const backfill = backfillOf(work, table);
    const record = await runBackfill(
      runner,
      { release: NO_RELEASE, action: { ...action, run: { kind: "backfill", backfill } }, backfill, from: null },
      {
        signal: run.signal,
        throttlePercent: () => run.record().throttle,
        pacer: (filled) => ports.pacer(runner.lease, { app: run.record().app, table: filled, spec: databaseOf(run).spec }),
        onProgress: ({ walked, total, rowsPerSecond, etaMs, slow }) => {
          run.onProgress({ done: walked, total, perSecond: rowsPerSecond, etaMs }, slow);
        },
      },
    );
    run.onProgress({ done: record.rows, total: record.rows, perSecond: record.rowsPerSecond, etaMs: 0 }, null);
    return record.failed.length > 0 ? { kind: "incomplete", failure: incomplete(action, record).failure } : DONE;
  });
}

/** What a step is for the one who walks along the table. @throws ERR_DATABASE_REFUSED */
export function backfillOf(work: Walk, table: Table): Backfill {
  const walk = { table: qualified(table), key: keyOf({ base: table }).map(ident) };
  if (work.kind === "update") return { ...walk, set: work.set, where: work.where, columns: columnsOf(work.set) };
  if (walk.key.length > 0) return { ...walk, set: "", where: "true", query: work.query, once: true };
  throw new HitlessError({
    code: "ERR_DATABASE_REFUSED",
    what: `${work.table} has no primary key, and no unique key without nulls.`,
    why: "Ranges of it are not the same from one moment to the next.",
    next: "Use `update`, which goes along its pages.",
  });
}

/** The query's answer, asked beside everybody. When the attempt ends, the query does; a server that cannot be told is not waited for for long. */
export async function asks(ports: StepPorts, run: StepRun, sql: string): Promise<boolean> {
  return leased(ports, run, async ({ lease }) => {
    const [late, over] = [new AbortController(), new AbortController()];
    const leave = (): void => {
      const soon = ports.clock.sleepUntil(ports.clock.now() + CANCEL_MS, over.signal);
      soon
        .then(() => {
          late.abort(run.signal.reason);
        })
        .catch(() => undefined);
    };
    run.signal.addEventListener("abort", leave, { once: true });
    try {
      return await unlessLeft(lease.ask(sql, run.signal), late.signal);
    } catch (error) {
      throw run.signal.aborted || error instanceof HitlessError ? error : unanswered(run.record().definition, error);
    } finally {
      run.signal.removeEventListener("abort", leave);
      over.abort();
    }
  });
}

function unanswered({ name, path }: StepDefinition, error: unknown): HitlessError {
  return new HitlessError({
    code: "ERR_STEP_FAILED",
    what: `\`query\` of ${path} has no answer.`,
    why: error instanceof Error ? error.message : String(error),
    next: `Correct it and run \`hitless prepare\`, or \`hitless steps retry ${name}\`.`,
  });
}

async function leased<T>(
  { database, clock }: StepPorts,
  run: StepRun,
  work: (runner: StepRunner, action: Action) => Promise<T>,
): Promise<T> {
  const { app, definition } = run.record();
  const { url, spec } = databaseOf(run);
  const lease: DatabaseLease = await database.lease(url, `${app} step ${definition.name}`);
  try {
    const patience = {
      clock,
      rng: createRng(clock.now()),
      signal: run.signal,
      lockTimeoutMs: spec.lockTimeoutMs,
      limitMs: spec.lockPatienceMs,
    };
    return await work({ lease, patience, note: run.note }, actionOf(definition));
  } finally {
    await lease.close();
  }
}

export function databaseOf({ workplace: { env, spec } }: StepRun): { readonly url: string; readonly spec: DatabaseSpec } {
  const url = spec.database === undefined ? undefined : ownUrl(spec.database, env);
  if (spec.database !== undefined && url !== undefined) return { url, spec: spec.database };
  throw new HitlessError({
    code: "ERR_DATABASE_UNREACHABLE",
    what: "The step needs a database, and the app's processes have no URL of one.",
    next: "Set `database.variable` under `env`, and run `hitless prepare` again.",
  });
}

/** The step as the runner of the database knows things to do. */
function actionOf({ name, digest, path }: StepDefinition): Action {
  return {
    id: `${name} ${digest.slice(0, 12)}`,
    phase: "expand",
    title: name,
    step: name,
    run: { kind: "transaction", sql: [] },
    table: null,
    lock: null,
    work: "batches",
    undo: [],
    cause: { path, line: 1, column: 1 },
  };
}

function tableIn(catalog: Catalog, written: string): Table {
  const found = tableOf(catalog, writtenName(written, catalog.schema));
  if (found !== null) return found;
  throw new HitlessError({
    code: "ERR_DATABASE_FAILED",
    what: `There is no table ${written}.`,
    why: "It was renamed or dropped, or the role of DATABASE_URL cannot see it.",
    next: "Correct the step and run `hitless prepare`, or `hitless steps retry` when the table is there.",
  });
}
