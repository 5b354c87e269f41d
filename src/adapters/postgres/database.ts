import type { Database } from "../../ports/database.ts";
import { readCatalog, readWhereabouts } from "./catalog.ts";
import { connect, type Connection } from "./connection.ts";
import { PostgresLease } from "./lease.ts";
import { readMissing } from "./privileges.ts";
import { ask, readApplied, readChangeSets, readJournal, readToolRows } from "./records.ts";
import { readSeen } from "./seen.ts";
import { dropRoles, makeRole, sightOf } from "./sessions.ts";
import { readStatements } from "./statements.ts";
import { readBackfills } from "./stretches.ts";
import { takeDatabase } from "./taking.ts";
import { readCalls, readConnections, readUnnamed } from "./usage.ts";

/** PostgreSQL 14 and later, with an ordinary role. */
export const postgresDatabase: Database = {
  catalog: (url) => using(url, (connection) => readCatalog(connection)),
  missing: (url, needs) => using(url, (connection) => readMissing(connection, needs)),
  seen: (url, searchPath) => using(url, (connection) => readSeen(connection, searchPath)),
  whereabouts: (url) => using(url, readWhereabouts),
  changeSets: (url, app) => using(url, (connection) => readChangeSets(connection, app)),
  applied: (url, app) => using(url, (connection) => readApplied(connection, app)),
  statements: (url) => using(url, readStatements),
  backfills: (url) => using(url, readBackfills),
  journal: (url, app, release) => using(url, (connection) => readJournal(connection, app, release)),
  ask: (url, sql) => using(url, (connection) => ask(connection, sql)),
  toolRows: (url, table) => using(url, (connection) => readToolRows(connection, table)),
  connections: (url, app) => using(url, (connection) => readConnections(connection, app)),
  unnamed: (url, app, release) => using(url, (connection) => readUnnamed(connection, app, release)),
  calls: (url, set) => using(url, (connection) => readCalls(connection, set)),
  sight: sightOf,
  role: (url, session) => using(url, (connection) => makeRole(connection, url, session)),
  dropRoles: (url, app, before) => using(url, (connection) => dropRoles(connection, app, before)),
  lease: async (url, app) => new PostgresLease(await takeDatabase(url, app)),
};

async function using<T>(url: string, work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await connect(url);
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}
