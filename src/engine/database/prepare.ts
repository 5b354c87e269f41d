import { HitlessError } from "../../base/error.ts";
import type { DatabaseSpec } from "../../core/database-spec.ts";
import type { Catalog } from "../../database/catalog.ts";
import { pendingMigrations, type AppliedMigration } from "../../database/pending.ts";
import type { Plan } from "../../database/plan/action.ts";
import type { Leftover } from "../../database/plan/leftovers.ts";
import { planRelease, procedureSum } from "../../database/plan/plan.ts";
import { qualified, type ObjectName } from "../../database/names.ts";
import { bookkeepingOf, HalfApplied, TOOL_TABLES, type ToolRow } from "../../database/source/bookkeeping.ts";
import { readMigrations, type Migration, type MigrationFormat } from "../../database/source/migrations.ts";
import type { SourceProblem } from "../../database/source/position.ts";
import type { SqlSources } from "../../ports/sources.ts";

export interface PlanInput {
  readonly app: string;
  readonly release: number;
  /** The release's own directory, absolute. */
  readonly directory: string;
  readonly spec: DatabaseSpec;
  readonly catalog: Catalog;
  readonly applied: readonly AppliedMigration[];
  readonly kept: readonly Leftover[];
  /** Sums of the procedures that earlier changes have brought, which stand beside the base still. */
  readonly standing?: readonly string[] | undefined;
  /** Rows of the table in which a tool keeps its own books; null: there is no such table. */
  readonly toolRows: (table: ObjectName) => Promise<readonly ToolRow[] | null>;
}

/** Reads a release's SQL and plans what of it the database does not have. @throws ERR_DATABASE_SOURCES, ERR_MIGRATION_CHANGED */
export async function planSources(sources: SqlSources, input: PlanInput): Promise<Plan> {
  const { app, release, spec, catalog, kept, standing } = input;
  const files = await readDirectory(sources, input.directory, spec.migrations);
  const procedures = await readDirectory(sources, input.directory, spec.procedures);
  const { format, migrations, problems } = readMigrations(files ?? []);
  if (problems.length > 0) throw unreadable(problems, () => spec.migrations);
  const books = await toolBooks(input, format, migrations);
  const pending = pendingMigrations(migrations, [...(books ?? []), ...input.applied]);
  if (pending.changed.length > 0) {
    throw new HitlessError({
      code: "ERR_MIGRATION_CHANGED",
      what: `${String(pending.changed.length)} migration${pending.changed.length === 1 ? " was" : "s were"} changed after being applied.`,
      why: "What the database has is what they were.",
      next: "Put them back, and write the change as a new migration. Nothing was changed.",
      details: pending.changed,
    });
  }
  const language = await sources.language();
  const outcome = planRelease({
    ...{ app, release, catalog, language, migrations: pending.migrations, procedures, kept, standing },
    namesSchemas: format === "prisma",
  });
  if (outcome.kind !== "plan") {
    const isMigration = new Set(pending.migrations.map(({ path }) => path));
    throw unreadable(outcome.problems, (path) => (isMigration.has(path) ? spec.migrations : spec.procedures));
  }
  const plan = { ...outcome.plan, procedures: sumsOf(procedures) };
  if (books === null) return plan;
  const bookkeeping = bookkeepingOf(format, catalog.schema, { pending: pending.migrations, all: migrations });
  return { ...plan, bookkeeping };
}

/** Whether a plan that was made, and perhaps begun, is that of these sources still. */
export async function isPlanOf(
  sources: SqlSources,
  plan: Plan,
  input: Pick<PlanInput, "directory" | "spec" | "applied" | "catalog" | "toolRows">,
): Promise<boolean> {
  const { directory, spec, applied } = input;
  const { format, migrations } = readMigrations((await readDirectory(sources, directory, spec.migrations)) ?? []);
  const own = new Set(plan.migrations.map(({ version }) => version));
  const books = await toolBooks(input, format, migrations);
  const earlier = [...(books ?? []), ...applied].filter(({ version }) => !own.has(version));
  const pending = pendingMigrations(migrations, earlier);
  const wanted = pending.migrations.map(({ version, checksum }) => `${version} ${checksum}`);
  const planned = plan.migrations.map(({ version, checksum }) => `${version} ${checksum}`);
  const sums = sumsOf(await readDirectory(sources, directory, spec.procedures));
  return sameList(wanted, planned) && (plan.procedures === undefined || sameList(sums, plan.procedures));
}

function sumsOf(files: Awaited<ReturnType<SqlSources["read"]>>): readonly string[] {
  return (files ?? []).map(procedureSum);
}

function sameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, index) => text === other[index]);
}

/** What another tool has applied, by its own table; null: no such tool was here. @throws ERR_MIGRATION_FAILED */
async function toolBooks(
  { catalog, toolRows }: Pick<PlanInput, "catalog" | "toolRows">,
  format: MigrationFormat,
  migrations: readonly Migration[],
): Promise<readonly AppliedMigration[] | null> {
  const tool = TOOL_TABLES[format];
  const rows = tool === undefined ? null : await toolRows(tool.name(catalog.schema));
  if (tool === undefined || rows === null) return null;
  try {
    return tool.applied(rows, migrations);
  } catch (error) {
    if (!(error instanceof HalfApplied)) throw error;
    throw new HitlessError({
      code: "ERR_MIGRATION_FAILED",
      what: `The table ${qualified(tool.name(catalog.schema))} says that ${error.message} failed half-way.`,
      why: "What of it the database has is not known.",
      next: `Bring it to an end, or back, with ${format}'s own tool. Nothing was changed.`,
    });
  }
}

async function readDirectory(
  sources: SqlSources,
  base: string,
  directory: string | null,
): Promise<Awaited<ReturnType<SqlSources["read"]>>> {
  if (directory === null) return null;
  const files = await sources.read(`${base}/${directory}`);
  if (files !== null) return files;
  throw new HitlessError({
    code: "ERR_DATABASE_SOURCES",
    what: `The release has no directory ${directory}.`,
    why: "The configuration names it under `database`.",
    next: "Make it, or take it out of the configuration. Nothing was changed.",
  });
}

function unreadable(problems: readonly SourceProblem[], directoryOf: (path: string) => string | null): HitlessError {
  const place = ({ position: { path, line, column } }: SourceProblem): string =>
    `${directoryOf(path) ?? "."}/${path}:${String(line)}:${String(column)}`;
  return new HitlessError({
    code: "ERR_DATABASE_SOURCES",
    what: `The SQL of this release has ${problems.length === 1 ? "a problem" : `${String(problems.length)} problems`}.`,
    next: "Nothing was changed.",
    details: problems.map((problem) => `${place(problem)}: ${problem.text}`),
  });
}
