import { describe, expect, it } from "vitest";
import { loadSqlLanguage } from "../../../src/adapters/postgres/language.ts";
import { tablesNamed } from "../../../src/database/ast.ts";
import { readStatements } from "../../../src/database/source/statements.ts";

const language = await loadSqlLanguage();
const read = (sql: string) => readStatements(language, { path: "m.sql", sql });

describe("readStatements", () => {
  it("gives every statement its own text and place, also behind letters of several bytes and comments", () => {
    const { statements } = read("-- größe\n/* ü */ SELECT 'ü';\n\n  -- next\n  ALTER TABLE größe ADD x int;");
    expect(statements.map(({ kind, text, position }) => [kind, text, position.line, position.column])).toEqual([
      ["SelectStmt", "SELECT 'ü'", 2, 9],
      ["AlterTableStmt", "ALTER TABLE größe ADD x int", 5, 3],
    ]);
  });

  it("says where a syntax error is", () => {
    const { problems } = read("SELECT 'ü';\nALTER TABEL x;");
    expect(problems).toEqual([{ position: { path: "m.sql", line: 2, column: 7 }, text: 'syntax error at or near "TABEL"' }]);
  });

  it("leaves transaction control out", () => {
    expect(read("BEGIN; SELECT 1; COMMIT;").statements).toHaveLength(1);
  });

  it("reads annotations: of the file, and of the statement that follows", () => {
    const { statements, syncs, problems } = read(
      "-- hitless: up users.full_name = first || ' ' || last\nSELECT 1;\n-- hitless: phase=contract\n-- hitless: accept cascade because nobody reads it\nDROP TABLE a;\nSELECT '-- hitless: nonsense';",
    );
    expect(problems).toEqual([]);
    expect(syncs).toMatchObject([{ kind: "up", table: "users", column: "full_name", expression: "first || ' ' || last" }]);
    expect(statements.map(({ said }) => said.map(({ kind }) => kind))).toEqual([[], ["phase", "accept"], []]);
  });

  it("reads names in annotations as PostgreSQL does: folded, or as they stand between quotes", () => {
    const { syncs, problems } = read(
      '-- hitless: up Users.Größe = 1\n-- hitless: down sales."Order Lines"."a ""b"".c" = 2\nSELECT 1;',
    );
    expect(problems).toEqual([]);
    expect(syncs).toMatchObject([
      { kind: "up", table: "users", column: "größe", expression: "1" },
      { kind: "down", table: "sales.Order Lines", column: 'a "b".c', expression: "2" },
    ]);
  });

  it("refuses an annotation that it does not understand, with its place", () => {
    expect(read("SELECT 1;\n -- hitless: upp a.b = 1").problems).toMatchObject([{ position: { line: 2, column: 2 } }]);
  });

  it("refuses to accept what is no rule, as that would accept nothing", () => {
    const { problems } = read("-- hitless: accept casacde because I say so\nSELECT 1;");
    expect(problems).toMatchObject([
      { position: { line: 1 }, text: expect.stringMatching(/^there is no rule "casacde".* cascade, /) as string },
    ]);
  });
});

it.each([
  ["ALTER TABLE a.t ADD CONSTRAINT c FOREIGN KEY (x) REFERENCES u (id)", ["a.t", "public.u"]],
  ["UPDATE t SET x = (SELECT max(y) FROM u) WHERE id IN (SELECT id FROM b.v)", ["public.t", "public.u", "b.v"]],
  ["DROP TABLE t, b.u", ["public.t", "b.u"]],
  ["CREATE INDEX ON t (x)", ["public.t"]],
  ["SELECT 1", []],
])("the tables of %s", (sql, tables) => {
  expect([...tablesNamed(language, sql, "public")].toSorted()).toEqual(tables.toSorted());
  expect(tablesNamed(language, sql, "public")[0]).toBe(tables[0]);
});
