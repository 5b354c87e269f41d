import { describe, expect, it } from "vitest";
import type { ChangeSet } from "../../../src/database/change-set.ts";
import { inTheWay } from "../../../src/database/overlap.ts";
import type { Action, Plan } from "../../../src/database/plan/action.ts";

const action = (phase: Action["phase"], table: string | null, ...sql: string[]): Action => ({
  id: `${phase}${String(table)}`,
  phase,
  title: "",
  run: { kind: "transaction", sql },
  table,
  lock: null,
  work: "instant",
  undo: [],
  cause: null,
});
const planOf = (release: number, actions: readonly Action[]): Plan => ({
  app: "shop",
  release,
  overlay: `hitless_shop_r${String(release)}`,
  baseSchema: "public",
  migrations: [],
  actions,
  statements: [],
  refusals: [],
  notices: [],
});
const set = (release: number, ...actions: readonly Action[]): ChangeSet => ({
  app: "shop",
  release,
  state: "expanded",
  plan: planOf(release, actions),
});

const ITEMS = set(
  2,
  action("expand", "public.tags", "CREATE TABLE public.tags (id int)"),
  action("expand", null, "CREATE VIEW hitless_shop_r2.goods AS SELECT id FROM public.items"),
  action("expand", null, `CREATE FUNCTION hitless_shop_r2."Label"() RETURNS text LANGUAGE sql AS 'SELECT 1'`),
  action("contract", "public.items", "ALTER TABLE public.items RENAME TO goods"),
  action("contract", null, "DROP FUNCTION IF EXISTS old_price(int)"),
);

describe("what a plan changes again of what is kept", () => {
  it.each([
    ["the table", "ALTER TABLE public.items ADD COLUMN n int", ["items"]],
    ["the table by its new name", "CREATE INDEX i ON goods (id)", ["goods"]],
    ["a reference to it", "ALTER TABLE public.x ADD FOREIGN KEY (i) REFERENCES items (id)", ["items"]],
    ["a routine of the overlay", 'CREATE FUNCTION public."Label"() RETURNS text BEGIN ATOMIC SELECT 1; END', ["Label"]],
    ["a routine that goes", "ALTER FUNCTION public.old_price(int) STABLE", ["old_price"]],
    ["another table", "ALTER TABLE public.orders ADD COLUMN items_sold int", []],
    ["what the release has brought whole", "ALTER TABLE public.tags ADD COLUMN n int", []],
    ["the body of a routine", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT n FROM items $$", []],
    ["a value", "INSERT INTO public.x VALUES ('items')", []],
  ])("%s", (_, sql, names) => {
    const found = inTheWay(planOf(3, [action("expand", null, sql)]), [ITEMS]);
    expect(found.flatMap((one) => one.names)).toEqual(names);
  });

  it("what is refused speaks too", () => {
    const refusal = { rule: "unknown-object", position: { path: "m.sql", line: 1, column: 1 }, why: "", write: [] } as const;
    const plan = { ...planOf(3, []), refusals: [{ ...refusal, statement: "ALTER TABLE items DROP COLUMN title" }] };
    expect(inTheWay(plan, [ITEMS])).toEqual([{ set: ITEMS, names: ["items"] }]);
  });

  it("all before it go with it, none behind it", () => {
    const orders = set(3, action("contract", "public.orders", "ALTER TABLE public.orders DROP COLUMN a"));
    const users = set(4, action("contract", "public.users", "ALTER TABLE public.users DROP COLUMN a"));
    const plan = planOf(5, [action("expand", "public.orders", "ALTER TABLE public.orders ADD COLUMN b int")]);
    expect(inTheWay(plan, [ITEMS, orders, users])).toEqual([
      { set: ITEMS, names: ["orders"] },
      { set: orders, names: ["orders"] },
    ]);
  });
});
