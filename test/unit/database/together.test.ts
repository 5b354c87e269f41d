import { describe, expect, it } from "vitest";
import { loadSqlLanguage } from "../../../src/adapters/postgres/language.ts";
import type { Catalog } from "../../../src/database/catalog.ts";
import type { Plan } from "../../../src/database/plan/action.ts";
import { planRelease } from "../../../src/database/plan/plan.ts";

const language = await loadSqlLanguage();
const CATALOG: Catalog = {
  version: 180_000,
  schema: "public",
  path: ["public"],
  timeZone: "UTC",
  maintenanceWorkMemKb: 65_536,
  sequences: [],
  tables: [],
  views: [],
  routines: [],
  types: [],
  parts: [],
};

function planOf(...files: readonly string[]): Plan {
  const migrations = files.map((sql, index) => {
    const version = `000${String(index + 1)}`;
    return { version, name: "m", path: `${version}.sql`, checksum: version, sql, repeatable: false };
  });
  const outcome = planRelease({ app: "shop", release: 2, catalog: CATALOG, language, migrations, procedures: null });
  if (outcome.kind !== "plan") throw new Error(JSON.stringify(outcome.problems));
  return outcome.plan;
}
const titles = ({ actions }: Plan): readonly string[] => actions.map(({ title }) => title);

const TABLES = "CREATE TABLE notes (id int PRIMARY KEY, name text);\nCREATE TABLE tags (id int PRIMARY KEY);\n";
const inserts = (count: number): string =>
  Array.from({ length: count }, (_, id) => `INSERT INTO notes VALUES (${String(id)}, 'ö😀'); -- row ${String(id)}`).join("\n");

describe("INSERTs into tables that the release makes", () => {
  it("are one step for a thousand of them, each statement with its place and its step", () => {
    const plan = planOf(TABLES + inserts(20_000));
    expect(plan.actions).toHaveLength(2 + 20);
    expect(plan.actions[2]).toMatchObject({ title: "insert into notes (1000 statements)", cause: { line: 3, column: 1 } });
    expect(plan.actions[3]).toMatchObject({ title: "insert into notes (1000 statements)", cause: { line: 1003 } });
    expect(plan.statements).toHaveLength(20_002);
    expect(plan.statements.at(-1)).toEqual({
      position: { path: "0001.sql", line: 20_002, column: 1 },
      text: "INSERT INTO notes VALUES (19999, 'ö😀')",
      actions: ["e22"],
    });
  });

  it("may be into several tables, in their order", () => {
    const plan = planOf(
      `${TABLES}INSERT INTO notes VALUES (1, 'a'); INSERT INTO tags VALUES (1); INSERT INTO notes VALUES (2, 'b');`,
    );
    expect(titles(plan).slice(2)).toEqual(["insert into notes, tags (3 statements)"]);
    expect(plan.actions[2]?.run).toEqual({
      kind: "transaction",
      sql: ["INSERT INTO notes VALUES (1, 'a')", "INSERT INTO tags VALUES (1)", "INSERT INTO notes VALUES (2, 'b')"],
    });
  });

  it.each([
    ["what reads a table", "INSERT INTO notes SELECT id, '' FROM tags;"],
    ["what does more than to insert", "WITH gone AS (DELETE FROM tags RETURNING id) INSERT INTO notes VALUES (9, 'x');"],
    ["another statement", "UPDATE tags SET id = 2;"],
    ["something that is said about it", "-- hitless: phase=contract\nINSERT INTO tags VALUES (9);"],
  ])("%s stands between them as a step of its own", (_, between) => {
    const plan = planOf(`${TABLES}INSERT INTO tags VALUES (1);\n${between}\nINSERT INTO tags VALUES (3);`);
    expect(plan.actions).toHaveLength(2 + 3);
    expect(titles(plan).filter((title) => title.includes("statements"))).toEqual([]);
  });

  it("of another file are another step", () => {
    const plan = planOf(`${TABLES}${inserts(2)}`, inserts(3));
    expect(titles(plan).slice(2)).toEqual(["insert into notes (2 statements)", "insert into notes (3 statements)"]);
    expect(plan.actions[3]?.cause).toEqual({ path: "0002.sql", line: 1, column: 1 });
  });
});
