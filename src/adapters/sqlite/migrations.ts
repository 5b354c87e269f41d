import type { DatabaseSync } from "node:sqlite";

/** Each is run once, in order, in a transaction with the note that it was. Never changed after a release. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE apps (
    app TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE journal (
    app TEXT NOT NULL,
    seq INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    at INTEGER NOT NULL,
    deployment TEXT,
    event TEXT NOT NULL,
    commands TEXT NOT NULL,
    PRIMARY KEY (app, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE commands (
    app TEXT NOT NULL,
    id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    position INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (app, id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE notes (
    app TEXT NOT NULL,
    seq INTEGER NOT NULL,
    deployment TEXT,
    at INTEGER NOT NULL,
    level TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (app, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX notes_of_deployment ON notes (app, deployment, seq);
  CREATE TABLE snapshots (
    app TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    state TEXT NOT NULL
  ) STRICT;
  CREATE TABLE deployments (
    app TEXT NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (app, number)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE lease (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    holder TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    renewed_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE steps (
    app TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (app, name)
  ) STRICT, WITHOUT ROWID;
  `,
];

/**
 * Brings the schema up to date, in one transaction: of two daemons that open a new journal at once, the second waits and finds the work done.
 * Throws for a database that a newer Hitless has written.
 */
export function migrate(database: DatabaseSync): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    migrateAlone(database);
    database.exec("COMMIT");
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}

function migrateAlone(database: DatabaseSync): void {
  const { user_version: version } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  if (version > MIGRATIONS.length)
    throw new Error(`it was written by a newer Hitless (schema ${String(version)}, this one knows ${String(MIGRATIONS.length)})`);
  if (version === MIGRATIONS.length) return;
  for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
  database.exec(`PRAGMA user_version = ${String(MIGRATIONS.length)}`);
}
