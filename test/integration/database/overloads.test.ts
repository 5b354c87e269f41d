import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expandIn, planOf, urlOf } from "../../support/postgres/release.ts";
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
    ["a text", "a varchar", "put('x')"],
  ])("says that calls of the new one may reach the old one: %s → %s", async (old, wanted, call) => {
    expect(await called(old, wanted, call)).toEqual({ said: ["old-overload-fits"], answer: "old" });
  });

  it.each([["a int, b int", "a bigint, b bigint", "put(12::bigint, 8::bigint)"]])(
    "reaches the new one where the call says which: %s → %s",
    async (old, wanted, call) => {
      expect((await called(old, wanted, call)).answer).toBe("new");
    },
  );

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
