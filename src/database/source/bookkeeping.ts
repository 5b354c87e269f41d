import { crc32 } from "../../base/crc32.ts";
import { literal, qualified, type ObjectName } from "../names.ts";
import type { AppliedMigration } from "../pending.ts";
import type { Migration, MigrationFormat } from "./migrations.ts";

/** A row of a tool's own table, as JSON. */
export type ToolRow = Readonly<Record<string, unknown>>;

/** What is done to a tool's table when its migrations are expanded, and when they are taken back. Every statement may run again. */
export interface Bookkeeping {
  readonly record: readonly string[];
  readonly forget: readonly string[];
}

interface ToolTable {
  readonly name: (base: string) => ObjectName;
  /** Which of the migrations the tool has applied. Throws `HalfApplied`. */
  readonly applied: (rows: readonly ToolRow[], all: readonly Migration[]) => readonly AppliedMigration[];
  readonly keep: (table: string, pending: readonly Migration[], all: readonly Migration[]) => Bookkeeping;
}

/** The tool says that one of its migrations failed half-way. */
export class HalfApplied extends Error {}

/** The tables of tools that have run an application's migrations before. */
export const TOOL_TABLES: Readonly<Partial<Record<MigrationFormat, ToolTable>>> = {
  /** `prisma migrate`: one row a try; the sum is SHA-256 of the file. */
  prisma: {
    name: (schema) => ({ schema, name: "_prisma_migrations" }),
    applied: (rows) => {
      const tries = rows.filter((row) => row["rolled_back_at"] === null);
      for (const row of tries) if (row["finished_at"] === null) throw new HalfApplied(String(row["migration_name"]));
      return tries.map((row) => ({ version: String(row["migration_name"]), checksum: String(row["checksum"]) }));
    },
    keep: (table, pending) => ({
      record: pending.map(
        ({ version, checksum }) =>
          `INSERT INTO ${table} (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
           SELECT gen_random_uuid()::text, ${literal(checksum)}, ${literal(version)}, now(), now(), 1
           WHERE NOT EXISTS (SELECT FROM ${table} WHERE migration_name = ${literal(version)} AND rolled_back_at IS NULL)`,
      ),
      forget: pending.map(
        ({ version }) => `DELETE FROM ${table} WHERE migration_name = ${literal(version)} AND rolled_back_at IS NULL`,
      ),
    }),
  },
  /** Drizzle applies what its journal dates after the last row. */
  drizzle: {
    name: () => ({ schema: "drizzle", name: "__drizzle_migrations" }),
    applied: (rows, all) => {
      const last = Math.max(-Infinity, ...rows.map((row) => Number(row["created_at"])));
      const sums = new Map(rows.map((row) => [Number(row["created_at"]), String(row["hash"])]));
      const done = all.filter(({ journaledAt }) => journaledAt !== undefined && journaledAt <= last);
      return done.map(({ version, journaledAt = 0 }) => ({ version, checksum: sums.get(journaledAt) ?? null }));
    },
    keep: (table, pending) => {
      const dated = pending.flatMap(({ checksum, journaledAt }) =>
        journaledAt === undefined ? [] : [{ checksum, journaledAt }],
      );
      return {
        record: dated.map(
          ({ checksum, journaledAt }) =>
            `INSERT INTO ${table} (hash, created_at) SELECT ${literal(checksum)}, ${String(journaledAt)}
             WHERE NOT EXISTS (SELECT FROM ${table} WHERE created_at = ${String(journaledAt)})`,
        ),
        forget: dated.map(({ journaledAt }) => `DELETE FROM ${table} WHERE created_at = ${String(journaledAt)}`),
      };
    },
  },
  dbmate: {
    name: (schema) => ({ schema, name: "schema_migrations" }),
    applied: (rows) => rows.map((row) => ({ version: String(row["version"]), checksum: null })),
    keep: (table, pending) => ({
      record: pending.map(({ version }) => `INSERT INTO ${table} (version) VALUES (${literal(version)}) ON CONFLICT DO NOTHING`),
      forget: pending.map(({ version }) => `DELETE FROM ${table} WHERE version = ${literal(version)}`),
    }),
  },
  /** golang-migrate keeps one row: where it stands. */
  "golang-migrate": {
    name: (schema) => ({ schema, name: "schema_migrations" }),
    applied: (rows, all) => {
      const [row] = rows;
      if (row === undefined) return [];
      if (row["dirty"] === true) throw new HalfApplied(String(row["version"]));
      const stands = BigInt(String(row["version"]));
      return all.filter(({ version }) => BigInt(version) <= stands).map(({ version }) => ({ version, checksum: null }));
    },
    keep: (table, pending, all) => {
      const stand = (migration: Migration | undefined): readonly string[] => [
        `DELETE FROM ${table}`,
        ...(migration === undefined
          ? []
          : [`INSERT INTO ${table} (version, dirty) VALUES (${String(BigInt(migration.version))}, false)`]),
      ];
      const first = all.findIndex((one) => one === pending[0]);
      return pending.length === 0 ? { record: [], forget: [] } : { record: stand(pending.at(-1)), forget: stand(all[first - 1]) };
    },
  },
  flyway: {
    name: (schema) => ({ schema, name: "flyway_schema_history" }),
    applied: flywayApplied,
    keep: (table, pending) => ({
      record: pending.map((migration) => flywayRecord(table, migration)),
      forget: pending.map(
        ({ path, sql }) => `DELETE FROM ${table} WHERE script = ${literal(path)} AND checksum = ${String(flywaySum(sql))}`,
      ),
    }),
  },
};

/** CRC-32 of the lines without their ends, as a signed number: Flyway's. */
export function flywaySum(sql: string): number {
  const encoder = new TextEncoder();
  const lines = sql
    .replace(/^\uFEFF/, "")
    .replace(/(?:\r\n|\r|\n)$/, "")
    .split(/\r\n|\r|\n/);
  return lines.reduce((sum, line) => crc32(encoder.encode(line), sum), 0) | 0;
}

function flywayApplied(rows: readonly ToolRow[], all: readonly Migration[]): readonly AppliedMigration[] {
  const failed = rows.find((row) => row["success"] !== true);
  if (failed !== undefined) throw new HalfApplied(String(failed["script"]));
  const ranked = rows.toSorted((one, other) => Number(one["installed_rank"]) - Number(other["installed_rank"]));
  const baseline = ranked.findLast(({ type }) => type === "BASELINE")?.["version"];
  return all.flatMap((migration): AppliedMigration[] => {
    const { version, name, repeatable, checksum, sql } = migration;
    const row = ranked.findLast((one) =>
      repeatable ? one["version"] === null && one["description"] === name : sameVersion(String(one["version"]), version),
    );
    if (typeof row?.["checksum"] === "number") {
      const same = row["checksum"] === flywaySum(sql);
      return [{ version, checksum: same ? checksum : `CRC-32 ${String(row["checksum"])}` }];
    }
    const before = typeof baseline === "string" && !repeatable && compareVersions(version, baseline) <= 0;
    return row !== undefined || before ? [{ version, checksum: null }] : [];
  });
}

function flywayRecord(table: string, { version, name, path, sql, repeatable }: Migration): string {
  const sum = String(flywaySum(sql));
  const number = repeatable ? "NULL" : literal(version);
  return `INSERT INTO ${table} (installed_rank, version, description, type, script, checksum, installed_by, execution_time, success)
    SELECT COALESCE(max(installed_rank), 0) + 1, ${number}, ${literal(name)}, 'SQL', ${literal(path)}, ${sum}, current_user, 0, true FROM ${table}
    HAVING NOT COALESCE(bool_or(script = ${literal(path)} AND checksum = ${sum}), false)`;
}

/** `1.2` and `1.2.0` and `01.2` are one version. */
function compareVersions(one: string, other: string): number {
  const [a = [], b = []] = [one, other].map((version) => version.split(/[._]/).map(BigInt));
  for (let place = 0; place < Math.max(a.length, b.length); place++) {
    const [x, y] = [a[place] ?? 0n, b[place] ?? 0n];
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

function sameVersion(one: string, other: string): boolean {
  return /^\d[\d._]*$/.test(one) && compareVersions(one, other) === 0;
}

export function bookkeepingOf(
  format: MigrationFormat,
  base: string,
  migrations: { pending: readonly Migration[]; all: readonly Migration[] },
): Bookkeeping {
  const tool = TOOL_TABLES[format];
  if (tool === undefined) return { record: [], forget: [] };
  return tool.keep(qualified(tool.name(base)), migrations.pending, migrations.all);
}
