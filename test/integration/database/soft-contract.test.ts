import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { systemClock } from "../../../src/adapters/clock/system.ts";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { fileSources } from "../../../src/adapters/postgres/sources.ts";
import { tryPlan } from "../../../src/engine/database/trial.ts";
import { postgresShadows } from "../../../src/adapters/postgres/shadow/shadows.ts";
import { silentLogger } from "../../../src/base/log.ts";
import type { AppState } from "../../../src/core/state.ts";
import { ContractKeeper } from "../../../src/engine/database/contract-keeper.ts";
import type { Releases } from "../../../src/ports/releases.ts";
import { databaseTools } from "../../../src/app/database-tools.ts";
import { BusyClient, type Turn } from "../../support/postgres/clients.ts";
import { databaseReleases } from "../../support/postgres/database-releases.ts";
import { procedureSum } from "../../../src/database/plan/plan.ts";
import { swapNames } from "../../../src/engine/database/soft-swap.ts";
import {
  APP,
  contractIn,
  expandIn,
  giveNamesBackIn,
  planOf,
  softenIn,
  urlOf,
  withRunner,
} from "../../support/postgres/release.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";

const SETUP = `
  CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, price int NOT NULL, code text);
  CREATE FUNCTION label(it bigint) RETURNS text LANGUAGE sql STABLE AS 'SELECT name || price FROM items WHERE id = it';
  INSERT INTO items (name, price, code) SELECT 'i' || n, n, 'c' || n FROM generate_series(1, 500) n; ANALYZE items;`;
const MIGRATION = `
  ALTER TABLE items RENAME COLUMN name TO title;
  ALTER TABLE items ALTER COLUMN price TYPE bigint;
  ALTER TABLE items DROP COLUMN code;`;
const LABEL =
  "CREATE FUNCTION label(it bigint) RETURNS text LANGUAGE sql STABLE AS 'SELECT title || '': '' || price FROM items WHERE id = it';";

const idOf = (rows: readonly unknown[]): string => (rows as readonly { readonly id: string }[])[0]!.id;
const oldTurn: Turn = async (run, turn) => {
  const { rows } = await run("INSERT INTO items (name, price, code) VALUES ('old', $1, 'x') RETURNING id", [turn]);
  await run("UPDATE items SET price = price + 1 WHERE id = $1", [idOf(rows)]);
  const { rows: found } = await run("SELECT name, price, code, label(id) FROM items WHERE id = $1", [idOf(rows)]);
  expect(found).toEqual([{ name: "old", price: turn + 1, code: "x", label: `old${String(turn + 1)}` }]);
};
const newTurn: Turn = async (run, turn) => {
  const { rows } = await run("INSERT INTO items (title, price) VALUES ('new', $1) RETURNING id", [turn]);
  await run("UPDATE items SET title = 'newer' WHERE id = $1", [idOf(rows)]);
  const { rows: found } = await run("SELECT title, price, label(id) FROM items WHERE id = $1", [idOf(rows)]);
  expect(found).toEqual([{ title: "newer", price: String(turn), label: `newer: ${String(turn)}` }]);
};

const WAIT = { timeout: 20_000, interval: 100 };

describe("a soft contract", () => {
  let server: TestServer;
  let url = "";
  beforeAll(async () => {
    server = await startServer(18);
  }, 60_000);
  afterAll(() => server.stop());

  const spec = {
    variable: "DATABASE_URL",
    migrations: "migrations",
    procedures: null,
    contractAfterMs: 0,
    lockTimeoutMs: 100,
    lockPatienceMs: 5_000,
  };
  const target = () => ({ app: APP, url, spec });
  const busy = async (release: number, turn: Turn): Promise<BusyClient> => {
    const client = await BusyClient.start(await urlOf(url, release), turn);
    onTestFinished(async () => {
      await client.stop();
    });
    return client;
  };
  /** Release 2 is there alone, and what release 1 used is kept for an hour. */
  const keptUntil = Date.now() + 3_600_000;
  const keep = async (): Promise<void> => {
    url = await server.database();
    await query(url, SETUP);
    await expandIn(url, await planOf(url, 2, { migration: MIGRATION, procedures: { "label.sql": LABEL } }));
    await withRunner(url, async (runner) => {
      const set = { ...(await runner.lease.changeSets())[0]!, keptUntilMs: keptUntil };
      await runner.lease.save(set);
      await swapNames(runner, set, () => true);
    });
  };

  it("gives the base the names of the new release, for whoever is of none; what they write is undone with the rest", async () => {
    await keep();
    await query(url, "INSERT INTO items (title, price) VALUES ('report', 5000000)");
    await query(url, "UPDATE items SET title = title || '!', price = price + 1 WHERE title = 'report'");
    const seen = "SELECT title, price, label(id) FROM items WHERE title = 'report!'";
    const found = [{ title: "report!", price: "5000001", label: "report!: 5000001" }];
    expect(await query(url, seen)).toEqual(found);
    expect(await query(await urlOf(url, 2), seen)).toEqual(found);
    await databaseTools.undo(target(), () => undefined);
    expect(await query(url, "SELECT name, price, code, label(id) FROM items WHERE name = 'report!'")).toEqual([
      { name: "report!", price: 5_000_001, code: null, label: "report!5000001" },
    ]);
    expect(await query(url, "SELECT proname FROM pg_proc WHERE proname ~ '^hitless_kept'")).toEqual([]);
  });

  const WIDE = {
    migration: `ALTER TABLE items ALTER COLUMN id TYPE bigint; ALTER TABLE items RENAME COLUMN name TO title;
      ALTER TABLE items RENAME TO goods; ALTER TABLE shelves RENAME COLUMN place TO room; ALTER TABLE shelves ALTER COLUMN n SET DEFAULT 2;`,
    procedures: {
      "a.sql": "CREATE FUNCTION a() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM goods';",
      "b.sql": "CREATE FUNCTION b() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT n FROM shelves WHERE room IS NOT NULL; END;",
    },
  };
  const BEFORE_WIDE = `
    CREATE TABLE items (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
    CREATE TABLE shelves (place text, n int DEFAULT 1);
    CREATE FUNCTION a() RETURNS int LANGUAGE sql AS 'SELECT count(*)::int FROM items';
    CREATE FUNCTION b() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT n + 1 FROM shelves WHERE place IS NOT NULL; END;
    INSERT INTO items (name) VALUES ('one'); INSERT INTO shelves VALUES ('cellar'); ANALYZE;`;
  const catalogOf = async (): Promise<unknown> => {
    const { tables, routines, views } = await postgresDatabase.catalog(url);
    return {
      tables: tables.map(({ name, columns }) => [name, columns.map((one) => ({ ...one, nullFraction: null }))]),
      routines,
      views,
    };
  };

  /** Of the runner that has done only so many of its steps, no more is there than of one that was killed. */
  it("is undone, or comes to its end, from wherever its runner was killed", async () => {
    const ends = new Set<string>();
    const ways = { undo: [1, 2, 3, 4], contract: [0, 2, 4] };
    for (const [end, kills] of Object.entries(ways)) {
      for (const done of kills) {
        url = await server.database();
        await query(url, BEFORE_WIDE);
        const before = await catalogOf();
        const plan = await planOf(url, 2, WIDE);
        expect(plan.refusals).toEqual([]);
        expect(plan.swaps).toHaveLength(4);
        await expandIn(url, plan);
        let steps = 0;
        await withRunner(url, async (runner) => {
          const set = { ...(await runner.lease.changeSets())[0]!, keptUntilMs: keptUntil };
          await runner.lease.save(set);
          await swapNames(runner, set, () => (steps += 1) <= done);
        });
        await query(await urlOf(url, 2), "INSERT INTO goods (title) VALUES ('two')");
        expect(await query(await urlOf(url, 2), "SELECT a(), b(), count(id) AS ids FROM goods")).toEqual([
          { a: "2", b: 1, ids: "2" },
        ]);
        if (end === "contract") {
          await contractIn(url, 2);
          ends.add(JSON.stringify(await catalogOf()));
          expect(await query(url, "SELECT a(), b(), title FROM goods WHERE title = 'two'")).toEqual([
            { a: "2", b: 1, title: "two" },
          ]);
        } else {
          await databaseTools.undo(target(), () => undefined);
          expect(await catalogOf(), `after ${String(done)} steps`).toEqual(before);
          expect(await query(url, "SELECT a(), b(), name FROM items WHERE name = 'two'")).toEqual([{ a: 2, b: 2, name: "two" }]);
        }
      }
    }
    expect([...ends]).toHaveLength(1);
  });

  it("both releases read and write what the other has written, before, after going back and forth, and the new one after the drop", async () => {
    await keep();
    const next = await busy(2, newTurn);
    await next.turns(20);
    await giveNamesBackIn(url, 1);
    const back = await busy(1, oldTurn);
    await Promise.all([back.turns(20), next.turns(20)]);
    expect((await back.stop()).errors).toEqual([]);
    const [{ mine } = { mine: 0 }] = await query<{ mine: number }>(
      await urlOf(url, 2),
      "SELECT count(*)::int AS mine FROM items WHERE title = 'old' AND price > 0",
    );
    expect(mine).toBeGreaterThanOrEqual(20);
    expect(await query(await urlOf(url, 1), "SELECT FROM items WHERE name IS NULL OR price IS NULL")).toEqual([]);
    expect((await databaseTools.status(target())).releases).toMatchObject([{ release: "r2", state: "expanded" }]);
    await softenIn(url, 2);
    await next.turns(10);
    await contractIn(url, 2);
    await next.turns(10);
    expect((await next.stop()).errors).toEqual([]);
    expect(await query(url, "SELECT FROM items WHERE title IS NULL OR price IS NULL")).toEqual([]);
    await expect(databaseTools.undo(target(), () => undefined)).resolves.toContain("Nothing can be taken back");
  });

  it("is undone at once, beside writers of the old release, with everything that was written meanwhile", async () => {
    await keep();
    await query(await urlOf(url, 2), "INSERT INTO items (title, price) VALUES ('late', 7)");
    await giveNamesBackIn(url, 1);
    const back = await busy(1, oldTurn);
    await back.turns(10);
    expect(await databaseTools.undo(target(), () => undefined)).toContain("The changes of r2 are taken back.");
    expect(await query(url, "SELECT name, price, label(id) FROM items WHERE name = 'late'")).toEqual([
      { name: "late", price: 7, label: "late7" },
    ]);
    await back.turns(10);
    expect((await back.stop()).errors).toEqual([]);
  });

  /** The sources of a later release, in which those of release 2 are as they were. */
  const sourcesWith = (files: Readonly<Record<string, string>>): string => {
    const directory = mkdtempSync(join(tmpdir(), "hl-soft-"));
    onTestFinished(() => {
      rmSync(directory, { recursive: true, force: true });
    });
    for (const part of ["migrations", "procedures"]) mkdirSync(join(directory, part));
    const all = { "migrations/0002_m.sql": MIGRATION, "procedures/label.sql": LABEL, ...files };
    for (const [path, text] of Object.entries(all)) writeFileSync(join(directory, path), text);
    return directory;
  };
  /** As if release 2 had come from such sources. */
  const fromSources = async (): Promise<void> => {
    await keep();
    await withRunner(url, async ({ lease }) => {
      const set = (await lease.changeSets())[0]!;
      const procedures = (await fileSources.read(join(sourcesWith({}), "procedures")))?.map(procedureSum);
      await lease.save({ ...set, plan: { ...set.plan, procedures } });
    });
  };
  const deploy = async (release: number, directory: string, softContractMs?: number): Promise<string[]> => {
    const notes: string[] = [];
    await databaseReleases([`r${String(release - 1)}`]).expand(url, {
      app: APP,
      release,
      env: {},
      directory,
      signal: new AbortController().signal,
      onOutput: (line) => notes.push(line),
      spec: { ...spec, procedures: "procedures", softContractMs },
    });
    return notes;
  };
  const HOUR = 3_600_000;

  it("is begun by the keeper, keeps for its time, and then removes by itself, on a real server", async () => {
    url = await server.database();
    await query(url, SETUP);
    await expandIn(url, await planOf(url, 2, { migration: MIGRATION, procedures: { "label.sql": LABEL } }));
    const state = {
      active: "r2",
      deployment: null,
      instances: {},
      releases: { r2: { spec: { database: { ...spec, softContractMs: 3_000 } } } },
    } as unknown as AppState;
    const keeper = new ContractKeeper({
      clock: systemClock,
      database: postgresDatabase,
      releases: { workplace: () => Promise.resolve({ env: { DATABASE_URL: url } }) } as unknown as Releases,
      apps: () => [APP],
      state: () => state,
      log: silentLogger,
    });
    onTestFinished(() => {
      keeper.stop();
    });
    keeper.start();
    const set = async () => (await postgresDatabase.changeSets(url, APP))[0]!;
    await vi.waitFor(async () => {
      expect(typeof (await set()).keptUntilMs).toBe("number");
    }, WAIT);
    const until = (await set()).keptUntilMs!;
    await vi.waitFor(async () => {
      expect(await query(url, "SELECT title FROM items LIMIT 1")).toEqual([{ title: "i1" }]);
    }, WAIT);
    await vi.waitFor(async () => {
      expect((await set()).state).toBe("contracted");
    }, WAIT);
    expect(Date.now()).toBeGreaterThanOrEqual(until);
    expect(await query(url, "SELECT title, price, label(id) FROM items WHERE id = 1")).toEqual([
      { title: "i1", price: "1", label: "i1: 1" },
    ]);
    expect(await query(url, "SELECT attname FROM pg_attribute WHERE attname ~ '^hitless_kept'")).toEqual([]);
    expect(keeper.problems(APP)).toEqual([]);
  });

  it("is tried on the copy too, with writes meanwhile; where that fails, the plan goes without, and says so", async () => {
    url = await server.database();
    await query(url, SETUP);
    const plan = await planOf(url, 2, { migration: MIGRATION, procedures: { "label.sql": LABEL } });
    const tried = async (swaps: typeof plan.swaps) =>
      await tryPlan(postgresShadows, {
        plan: { ...plan, swaps },
        catalog: await postgresDatabase.catalog(url),
        corpora: { running: [], next: [] },
        shadowUrl: url,
      });
    expect((await tried(plan.swaps)).plan).toMatchObject({ swaps: plan.swaps, refusals: [] });
    const [first, ...rest] = plan.swaps!;
    const sql = first!.run.kind === "transaction" ? first!.run.sql : [];
    const broken = {
      there: [
        { ...first!, run: { kind: "transaction" as const, sql: ["ALTER TABLE items RENAME COLUMN nothing TO other"] } },
        ...rest,
      ],
      // The triggers' bodies do not follow: only a write tells.
      meanwhile: [
        { ...first!, run: { kind: "transaction" as const, sql: sql.filter((text) => !text.includes("FUNCTION")) } },
        ...rest,
      ],
      back: [{ ...first!, undo: ["ALTER TABLE items RENAME COLUMN nothing TO other"] }, ...rest],
    };
    for (const [way, swaps] of Object.entries(broken)) {
      const { plan: without, gaps } = await tried(swaps);
      expect(without.refusals, way).toEqual([]);
      expect(without.swaps, way).toBeUndefined();
      expect(
        without.actions.filter(({ over }) => over !== undefined),
        way,
      ).toEqual([]);
      expect(without.notices.map(({ text }) => text).join(), way).toContain("a soft contract will leave the base its old names");
      expect(gaps, way).toHaveLength(way === "back" ? 1 : 0);
    }
  });

  it("stays for a next release that brings nothing, its procedures being those of the last one", async () => {
    await fromSources();
    await deploy(3, sourcesWith({}), HOUR);
    expect(await postgresDatabase.changeSets(url, APP)).toMatchObject([
      { release: 2, state: "expanded", keptUntilMs: keptUntil },
    ]);
    expect(await query(await urlOf(url, 3), "SELECT label(1)")).toEqual([{ label: "i1: 1" }]);
    await deploy(3, sourcesWith({}));
    expect(await postgresDatabase.changeSets(url, APP)).toMatchObject([{ release: 2, state: "contracted" }]);
  });

  const TAGS = {
    "migrations/0003_tags.sql":
      "CREATE TABLE tags (id int PRIMARY KEY, item bigint, text text); ALTER TABLE shelves RENAME COLUMN place TO room;",
    "procedures/shelf.sql":
      "CREATE FUNCTION shelf(it bigint) RETURNS text LANGUAGE sql STABLE AS 'SELECT title || room FROM items, shelves WHERE id = it';",
  };

  it("stays beside a next release that changes other objects; both are undone, the last first, with what was written meanwhile", async () => {
    await fromSources();
    await query(url, "CREATE TABLE shelves (place text); INSERT INTO shelves VALUES ('cellar')");
    await deploy(3, sourcesWith(TAGS), HOUR);
    expect(await postgresDatabase.changeSets(url, APP)).toMatchObject([
      { release: 2, state: "expanded", keptUntilMs: keptUntil },
      { release: 3, state: "expanded" },
    ]);
    const next = await busy(3, newTurn);
    await next.turns(10);
    expect((await next.stop()).errors).toEqual([]);
    expect(await query(await urlOf(url, 3), "SELECT shelf(1)")).toEqual([{ shelf: "i1cellar" }]);
    expect(await databaseTools.undo(target(), () => undefined)).toContain("The changes of r3 are taken back.");
    expect(await databaseTools.undo(target(), () => undefined)).toContain("The changes of r2 are taken back.");
    const [{ mine } = { mine: 0 }] = await query<{ mine: number }>(
      url,
      "SELECT count(*)::int AS mine FROM items WHERE name = 'newer' AND price IS NOT NULL",
    );
    expect(mine).toBeGreaterThanOrEqual(10);
  });

  it("ends with a next release that changes the same, which is said with what that is", async () => {
    await fromSources();
    const directory = sourcesWith({ "migrations/0003_more.sql": "ALTER TABLE items ADD COLUMN weight int;" });
    const asked = { ...target(), directory, env: {}, running: null, tried: false };
    const kept = { release: "r2", keptUntil: new Date(keptUntil).toISOString() };
    const planned = { ...asked, spec: { ...spec, procedures: "procedures" } };
    expect((await databaseTools.plan(planned)).ends).toEqual([{ ...kept, changes: ["items"] }]);
    expect((await databaseTools.plan({ ...planned, directory: sourcesWith({}) })).ends).toEqual([]);
    const notes = await deploy(3, directory, HOUR);
    expect(notes).toContain("database: what r2 has kept for going back goes now, as this release changes items again");
    expect(await postgresDatabase.changeSets(url, APP)).toMatchObject([
      { release: 2, state: "contracted" },
      { release: 3, state: "expanded" },
    ]);
    expect(await query(await urlOf(url, 3), "SELECT title, weight FROM items WHERE id = 1")).toEqual([
      { title: "i1", weight: null },
    ]);
  });

  it("a database in which an earlier Hitless keeps its books is read, and gets what is missing with the next change", async () => {
    await keep();
    await query(url, "ALTER TABLE hitless.change_sets DROP COLUMN kept_until");
    expect(await postgresDatabase.changeSets(url, APP)).toMatchObject([{ release: 2, keptUntilMs: null }]);
    await withRunner(url, async ({ lease }) => {
      await lease.save({ ...(await lease.changeSets())[0]!, keptUntilMs: keptUntil });
    });
    expect(await postgresDatabase.changeSets(url, APP)).toMatchObject([{ keptUntilMs: keptUntil }]);
  });
});
