import { literal } from "../../database/names.ts";
import type { BackfillRecord, Stretch } from "../../ports/database.ts";
import type { Queryable } from "./queryable.ts";

interface ActionOf {
  readonly release: number;
  readonly action: string;
}

/** Where a backfill stands, in the database that it changes. */
export async function readStretches(
  database: Queryable,
  app: string,
  { release, action }: ActionOf,
): Promise<readonly Stretch[]> {
  const rows = await database.query<{ stretch: Stretch }>(
    "SELECT stretch FROM hitless.stretches WHERE app = $1 AND release = $2 AND action = $3 ORDER BY part",
    [app, release, action],
  );
  return rows.map(({ stretch }) => stretch);
}

/** The last ones that have come to their end, newest first. An earlier Hitless has made the table without the column. */
export async function readBackfills(database: Queryable): Promise<readonly BackfillRecord[]> {
  const [there] = await database.query<{ there: boolean }>("SELECT to_regclass('hitless.actions') IS NOT NULL AS there");
  if (there?.there !== true) return [];
  const rows = await database.query<{ record: BackfillRecord }>(
    `SELECT to_jsonb(a) -> 'record' AS record FROM hitless.actions a
     WHERE jsonb_typeof(to_jsonb(a) -> 'record') = 'object' ORDER BY changed_at DESC LIMIT 20`,
  );
  return rows.map(({ record }) => record);
}

export function beginSql(app: string, of: ActionOf, stretches: readonly Stretch[]): readonly string[] {
  return [
    `INSERT INTO hitless.actions (app, release, action, state) VALUES (${keyOf(app, of)}, 'running')
     ON CONFLICT (app, release, action) DO UPDATE SET state = excluded.state, cursor = NULL, changed_at = now()`,
    forgetSql(app, of),
    ...stretches.map(
      (stretch) =>
        `INSERT INTO hitless.stretches (app, release, action, part, stretch) VALUES (${keyOf(app, of)}, ${String(stretch.part)}, ${literal(JSON.stringify(stretch))})`,
    ),
  ];
}

/** Fails where the stretch is gone: then the batch it would belong to must not be either. */
export function moveSql(app: string, of: ActionOf, stretch: Stretch): string {
  return `UPDATE hitless.stretches SET stretch = ${literal(JSON.stringify(stretch))}, batches = batches + 1, changed_at = now()
    WHERE (app, release, action, part) = (${keyOf(app, of)}, ${String(stretch.part)})`;
}

export function forgetSql(app: string, of: ActionOf): string {
  return `DELETE FROM hitless.stretches WHERE (app, release, action) = (${keyOf(app, of)})`;
}

export function keepSql(app: string, of: ActionOf, record: BackfillRecord): string {
  return `UPDATE hitless.actions SET record = ${literal(JSON.stringify(record))} WHERE (app, release, action) = (${keyOf(app, of)})`;
}

function keyOf(app: string, { release, action }: ActionOf): string {
  return `${literal(app)}, ${String(release)}, ${literal(action)}`;
}
