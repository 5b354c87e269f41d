import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contractIn, expandIn, planOf, revertIn, urlOf } from "../../support/postgres/release.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";

const put = (list: string, answer: string): string =>
  `CREATE FUNCTION put(${list}) RETURNS text LANGUAGE sql AS $$ SELECT '${answer}' $$;`;

describe("a routine that gets other arguments", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(18);
  }, 60_000);
  afterAll(() => server.stop());

  /** What is said beforehand of the change, and what the new release's call reaches while both stand. */
  async function called(old: string, wanted: string, call: string): Promise<{ said: readonly string[]; answer: unknown }> {
    const url = await server.database();
    await query(url, put(old, "old"));
    const plan = await planOf(url, 2, { procedures: { "put.sql": put(wanted, "new") } });
    await expandIn(url, plan);
    const [row] = await query(await urlOf(url, 2), `SELECT ${call} AS answer`);
    return { said: plan.notices.map(({ rule }) => rule), answer: row?.["answer"] };
  }

  it.each([
    ["a int, b int", "a bigint, b bigint", "put(12, 8)"],
    ["a int, b int", "a bigint, b int, c int DEFAULT 0", "put(12, 8)"],
    ["a int, b int DEFAULT 3", "a bigint, b int DEFAULT 4", "put(12)"],
    ["a int, b int", "c bigint, d bigint", "put(d => 1, c => 2)"],
    ["a text", "a varchar", "put('x')"],
  ])("calls of the new one that the old one would take are forwarded: %s → %s", async (old, wanted, call) => {
    expect(await called(old, wanted, call)).toEqual({ said: [], answer: "new" });
  });

  it.each([
    ["a int, b int DEFAULT 0", "a bigint", "put(12)"],
    ["a int, VARIADIC b int[]", "a bigint, VARIADIC b int[]", "put(12, 1)"],
  ])("says that calls of the new one may reach the old one, where none can be forwarded: %s → %s", async (old, wanted, call) => {
    expect(await called(old, wanted, call)).toEqual({ said: ["old-overload-fits"], answer: "old" });
  });

  it.each([["a int, b int", "a bigint, b bigint", "put(12::bigint, 8::bigint)"]])(
    "reaches the new one where the call says which: %s → %s",
    async (old, wanted, call) => {
      expect((await called(old, wanted, call)).answer).toBe("new");
    },
  );

  it.each([
    ["RETURNS SETOF int", "SELECT generate_series(1, 3)", "SELECT count(*)::int AS n FROM many(1)"],
    ["RETURNS TABLE (n int)", "SELECT 3", "SELECT n FROM many(1)"],
    ["RETURNS numeric", "SELECT 3.0", "SELECT many(1)::int AS n"],
    ["RETURNS pair", "SELECT (3, 4)::pair", "SELECT (many(1)).n"],
  ])("whatever it returns is what the call gets: %s", async (returns, body, call) => {
    const url = await server.database();
    await query(url, "CREATE TYPE pair AS (n int, m int); CREATE FUNCTION many(a int) RETURNS int LANGUAGE sql AS 'SELECT 0'");
    const many = `CREATE FUNCTION many(a bigint) ${returns} LANGUAGE sql AS $$ ${body} $$;`;
    await expandIn(url, await planOf(url, 2, { procedures: { "many.sql": many } }));
    const next = await urlOf(url, 2);
    expect(await query(next, call)).toEqual([{ n: 3 }]);
    expect(await query(await urlOf(url, 1), "SELECT many(1) AS n")).toEqual([{ n: 0 }]);
    await contractIn(url, 2);
    expect(await query(next, call)).toEqual([{ n: 3 }]);
    expect(await query(url, "SELECT count(*)::int AS n FROM pg_proc WHERE proname = 'many'")).toEqual([{ n: 1 }]);
  });

  it("a call of a procedure is forwarded, and may commit", async () => {
    const url = await server.database();
    await query(url, "CREATE TABLE t (n bigint); CREATE PROCEDURE put(a int) LANGUAGE sql AS 'INSERT INTO t VALUES (0)'");
    const put = "CREATE PROCEDURE put(a bigint) LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t (n) VALUES (a); COMMIT; END $$;";
    const plan = await planOf(url, 2, { procedures: { "put.sql": put } });
    expect(plan.notices).toEqual([]);
    await expandIn(url, plan);
    await query(await urlOf(url, 2), "CALL put(7)");
    await query(await urlOf(url, 1), "CALL put(8)");
    expect(await query(url, "SELECT n::int FROM t")).toEqual([{ n: 7 }, { n: 0 }]);
    await revertIn(url, 2);
    expect(await query(url, "SELECT count(*)::int AS n FROM pg_namespace WHERE nspname ~ '^hitless_shop'")).toEqual([{ n: 0 }]);
  });

  it.each([
    ["a int, b int", "a int, b int, c int", "put(12, 8, 1)"],
    ["a int, b int", "a int, b int, c int DEFAULT 0", "put(12, 8)"],
    ["a int, b int DEFAULT 0", "a int", "put(12)"],
    ["a int", "a text", "put('x'::text)"],
    ["a int", "a int[]", "put(ARRAY[1])"],
    ["a date, b int", "a date", "put(current_date)"],
  ])("says nothing where no call fits both: %s → %s", async (old, wanted, call) => {
    expect(await called(old, wanted, call)).toEqual({ said: [], answer: "new" });
  });
});
