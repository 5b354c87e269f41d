import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "../../../src/adapters/postgres/connection.ts";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { CopyDatabase } from "../../../src/adapters/postgres/shadow/copy-database.ts";
import { measure } from "../../../src/adapters/postgres/shadow/measure.ts";
import type { Catalog } from "../../../src/database/catalog.ts";
import { LOCK_MODES, type Action, type Measured } from "../../../src/database/plan/action.ts";
import { measuredAction } from "../../../src/database/shadow/verdicts.ts";
import { planFor } from "../../support/postgres/release.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";
import { STATEMENT_TABLES, STATEMENTS, STATEMENTS_OF_18 } from "../../support/postgres/statements.ts";

/** Rules that refuse a statement for what it locks while it works; others refuse for what it breaks. */
const LOCK_RULES = ["rewrite", "refresh", "domain-constraint", "exclude-constraint", "attach-partition", "reindex", "truncate"];

/** Work that grows with a table while its writers wait. */
const dangers = (measured: Measured): string[] =>
  measured
    .filter(({ lock, work }) => work !== "instant" && LOCK_MODES.indexOf(lock) >= LOCK_MODES.indexOf("SHARE"))
    .map(({ table, lock, work }) => `${table}: ${work} under ${lock}`);

const said = ({ id, title, lock, work }: Action): string => `${id} ${title}: ${lock ?? "none"}, ${work}`;

describe.each([18, 15] as const)("what the planner says of statements, against PostgreSQL %i", (major) => {
  let server: TestServer;
  let template = "";
  let catalog: Catalog;
  beforeAll(async () => {
    server = await startServer(major);
    template = await server.database();
    await query(template, STATEMENT_TABLES);
    catalog = await postgresDatabase.catalog(template);
  }, 60_000);
  afterAll(() => server.stop(), 60_000);

  const statements = major === 18 ? [...STATEMENTS, ...STATEMENTS_OF_18] : STATEMENTS;
  it("knows a hundred", () => {
    expect(statements.length).toBeGreaterThanOrEqual(100);
  });

  it.each(statements)("%s", { timeout: 60_000 }, async (statement) => {
    const raw = await asWritten(template, statement);
    const plan = planFor({ catalog, kept: [] }, 2, { migration: `${statement};` });
    const forLocks = plan.refusals.filter(({ rule }) => LOCK_RULES.includes(rule));
    // No false alarm: what is refused for its lock does hold others up.
    if (forLocks.length > 0) expect(raw).not.toEqual([]);
    if (plan.refusals.length > 0) return;
    // No miss: whatever it is as it is written, what is done instead holds nobody up, and locks just what it says.
    const copy = await copyOf(template, server);
    try {
      for (const action of plan.actions) {
        const ran = await copy.run(action);
        expect(ran, action.title).toMatchObject({ kind: "ran" });
        if (ran.kind === "failed" || ran.measured === null) continue;
        expect(dangers(ran.measured.filter(({ table }) => isThere(catalog, table))), action.title).toEqual([]);
        expect([said(measuredAction(action, ran.measured, catalog))]).toEqual([said(action)]);
      }
    } finally {
      await copy.close();
    }
  });
});

/** What the statement as it stands does; it is taken back. Null: it would fail. */
async function asWritten(url: string, statement: string): Promise<readonly string[] | null> {
  const connection = await connect(url);
  try {
    await connection.query("BEGIN");
    return dangers(
      await measure(connection, async () => {
        await connection.query(statement);
      }),
    );
  } catch {
    return null;
  } finally {
    await connection.close();
  }
}

async function copyOf(template: string, server: TestServer): Promise<CopyDatabase> {
  const url = await server.database(new URL(template).pathname.slice(1));
  const connection = await connect(url);
  const close = async (): Promise<void> => {
    await connection.close();
    await query(template, `DROP DATABASE ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
  };
  return new CopyDatabase(connection, { about: "", close });
}

function isThere(catalog: Catalog, label: string): boolean {
  return [...catalog.tables, ...catalog.views].some(({ schema, name }) => `${schema}.${name}` === label);
}
