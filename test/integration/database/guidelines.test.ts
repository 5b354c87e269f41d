import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { guidelinesDocument, GUIDELINE_TABLES, RULES } from "../../../src/database/rules/rules.ts";
import { lockText, locksOf } from "../../support/postgres/lock-texts.ts";
import { planOf } from "../../support/postgres/release.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";

describe("the guidelines", () => {
  let server: TestServer;
  let url = "";
  beforeAll(async () => {
    server = await startServer(18);
    url = await server.database();
    await query(url, GUIDELINE_TABLES);
  }, 60_000);
  afterAll(() => server.stop());

  const template = (): string => new URL(url).pathname.slice(1);
  const judged = async (migration: string): Promise<{ refused: string[]; noticed: string[] }> => {
    const plan = await planOf(url, 2, { migration });
    return { refused: plan.refusals.map(({ rule }) => rule), noticed: plan.notices.map(({ rule }) => rule) };
  };

  it.each(RULES)("$id: the bad example is judged, the good one is not", async ({ id, bad, good, verdict }) => {
    expect((await judged(bad))[verdict]).toContain(id);
    const fine = await judged(good);
    expect(fine.refused).toEqual([]);
    expect(fine.noticed).not.toContain(id);
  });

  it.each(RULES)("$id: the locks of both examples are as the guidelines say", async ({ bad, good, locks }) => {
    const [asItStands, instead] = [await server.database(template()), await server.database(template())];
    const measured = lockText(await locksOf(asItStands, [{ run: { kind: "transaction", sql: [bad] } }]));
    const { actions } = await planOf(instead, 2, { migration: good });
    expect({ bad: measured, good: lockText(await locksOf(instead, actions)) }).toEqual(locks);
  });

  it("row security may come with its policies in one migration", async () => {
    const both = "CREATE POLICY everybody ON users USING (true); ALTER TABLE users ENABLE ROW LEVEL SECURITY;";
    expect(await judged(both)).toEqual({ refused: [], noticed: [] });
    expect((await judged("ALTER TABLE users ENABLE ROW LEVEL SECURITY;")).refused).toEqual(["row-security"]);
  });

  it("SELECT * in a function matters to a retyped column too, and to no other table", async () => {
    expect((await judged("ALTER TABLE notes ALTER COLUMN id TYPE text;")).refused).toContain("select-star");
    expect((await judged("ALTER TABLE notes DROP COLUMN body;")).refused).not.toContain("select-star");
  });

  it("docs/sql-guidelines.md is what the rules say", () => {
    expect(readFileSync(new URL("../../../docs/sql-guidelines.md", import.meta.url), "utf8")).toBe(guidelinesDocument());
  });
});
