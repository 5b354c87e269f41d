import type { Migration } from "./source/migrations.ts";

/** What the database remembers of a migration. */
export interface AppliedMigration {
  readonly version: string;
  readonly checksum: string | null;
}

export interface Pending {
  readonly migrations: readonly Migration[];
  /** Applied files that are not what they were, each with both sums. */
  readonly changed: readonly string[];
}

/** What the database does not have yet. A file that was applied must stay as it was: others have run it. */
export function pendingMigrations(all: readonly Migration[], applied: readonly AppliedMigration[]): Pending {
  const known = new Map(applied.map(({ version, checksum }) => [version, checksum]));
  const differs = (migration: Migration): boolean => {
    const before = known.get(migration.version);
    return before !== undefined && before !== null && before !== migration.checksum;
  };
  return {
    migrations: all.filter((migration) => !known.has(migration.version) || (migration.repeatable && differs(migration))),
    changed: all
      .filter((migration) => !migration.repeatable && differs(migration))
      .map(({ path, version, checksum }) => `${path}: was applied as ${String(known.get(version))}, and is now ${checksum}`),
  };
}
