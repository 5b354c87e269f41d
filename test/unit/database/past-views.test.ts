import { expect, test } from "vitest";
import { loadSqlLanguage } from "../../../src/adapters/postgres/language.ts";
import { relationSql } from "../../../src/adapters/postgres/range.ts";
import { countedStatements } from "../../../src/database/proof/corpus.ts";
import { pastViews } from "../../../src/database/proof/past-views.ts";
import type { Plan } from "../../../src/database/plan/action.ts";

const language = await loadSqlLanguage();
const expands = (sql: string) => ({ id: "e1", phase: "expand", title: "", run: { kind: "transaction", sql: [sql] } });
const plan = {
  overlay: "hitless_shop_r2",
  actions: [
    expands('CREATE OR REPLACE VIEW hitless_shop_r2."User" WITH (security_invoker = true) AS SELECT id FROM public."User"'),
    expands("ALTER TABLE public.orders ADD COLUMN n int"),
  ],
} as unknown as Plan;

test("a statement that names with its schema what the release sees through a view goes past the view", () => {
  const statements = [
    'SELECT "public"."User"."id" FROM "public"."User" WHERE id = $1',
    'UPDATE public."User" SET id = 2',
    'SELECT id FROM "User"',
    "SELECT * FROM public.orders",
    'SELECT id FROM hitless_shop_r2."User"',
  ].map((sql) => ({ sql, position: null }));
  const notices = pastViews(language, plan, statements);
  expect(notices).toMatchObject([
    { rule: "qualified-name", text: expect.stringMatching(/^2 statements name public\.User with its schema/) as string },
  ]);
  expect(pastViews(language, { ...plan, overlay: null }, statements)).toEqual([]);
});

test("batches of a backfill are not what applications send", () => {
  const relation = relationSql(
    { part: 0, table: "public.users", key: ["id"], cursor: { after: null, until: null, rows: 0 } },
    "public.users",
  );
  const ours = `UPDATE ${relation} SET name = $1 WHERE id > $2`;
  expect(countedStatements(language, [ours, "UPDATE public.users SET name = $1"]).map(({ sql }) => sql)).toEqual([
    "UPDATE public.users SET name = $1",
  ]);
});
