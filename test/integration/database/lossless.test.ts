import { afterAll, beforeAll, describe, expect, it } from "vitest";
import pg from "pg";
import { createRng, type Rng } from "../../../src/base/rng.ts";
import { contractIn, expandIn, planOf, urlOf } from "../../support/postgres/release.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";

/** A table of which some columns change in the new release, and what each side can say of it. */
interface Schema {
  readonly create: string;
  readonly migration: string;
  /** The old release's column → the new one's: same values on both sides. */
  readonly pairs: readonly (readonly [old: string, next: string])[];
  /** Columns that both releases know by one name. */
  readonly shared: readonly string[];
}

function schemaOf(rng: Rng): Schema {
  const changes = Array.from({ length: rng.between(1, 4) }, (_, index) => {
    const old = `o${String(index)}`;
    return rng.pick([
      { column: `${old} int`, sql: `ALTER TABLE t ALTER COLUMN ${old} TYPE bigint;`, pair: [old, old] as const },
      { column: `${old} int`, sql: `ALTER TABLE t ALTER COLUMN ${old} TYPE numeric(20,2);`, pair: [old, old] as const },
      { column: `${old} int`, sql: `ALTER TABLE t RENAME COLUMN ${old} TO n${old};`, pair: [old, `n${old}`] as const },
      {
        column: `${old} int NOT NULL DEFAULT 4`,
        sql: `ALTER TABLE t RENAME COLUMN ${old} TO n${old}; ALTER TABLE t ALTER COLUMN n${old} TYPE bigint;`,
        pair: [old, `n${old}`] as const,
      },
      { column: `${old} int`, sql: `ALTER TABLE t ALTER COLUMN ${old} TYPE text;`, pair: [old, old] as const },
      { column: `${old} int`, sql: `ALTER TABLE t ALTER COLUMN ${old} TYPE double precision;`, pair: [old, old] as const },
      { column: `${old} int`, sql: `ALTER TABLE t ALTER COLUMN ${old} SET DEFAULT 7;`, pair: [old, old] as const },
      { column: `${old} int`, sql: `ALTER TABLE t ADD CHECK (${old} >= 0);`, pair: [old, old] as const },
      {
        column: `${old} int`,
        sql: `CREATE INDEX ON t (${old}); ALTER TABLE t ADD COLUMN more_${old} int DEFAULT 1;`,
        pair: [old, old] as const,
      },
      {
        column: `${old} int NOT NULL DEFAULT 4`,
        sql: `-- hitless: down t.${old} = 0\nALTER TABLE t ALTER COLUMN ${old} DROP NOT NULL;`,
        pair: [old, old] as const,
      },
    ]);
  });
  const trigger = rng.chance(0.3)
    ? "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.touched := clock_timestamp(); RETURN NEW; END $$; CREATE TRIGGER touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();"
    : "";
  return {
    create: `CREATE TABLE t (id int PRIMARY KEY, s0 int, s1 int, touched timestamptz, ${changes.map(({ column }) => column).join(", ")}); ${trigger}
      INSERT INTO t (id, s0) SELECT i, i FROM generate_series(1, 6) i;`,
    migration: changes.map(({ sql }) => sql).join("\n"),
    pairs: changes.map(({ pair }) => pair),
    shared: ["s0", "s1"],
  };
}

/** What every row must be, by the names of the old release. */
type Model = Map<number, Map<string, number | null>>;

async function play(url: string, rng: Rng): Promise<void> {
  const schema = schemaOf(rng);
  await query(url, schema.create);
  const columns = [...schema.pairs.map(([old]) => old), ...schema.shared];
  const model: Model = new Map();
  for (const row of await query(url, "SELECT * FROM t")) {
    model.set(Number(row["id"]), new Map(columns.map((name) => [name, row[name] as number | null])));
  }
  await expandIn(url, await planOf(url, 2, { migration: schema.migration }));
  const clients = await Promise.all([url, await urlOf(url, 1), await urlOf(url, 2)].map(connected));
  const names = (side: number): ReadonlyMap<string, string> =>
    new Map([
      ...schema.shared.map((name) => [name, name] as const),
      ...schema.pairs.map(([old, next]) => [old, side === 2 ? next : old] as const),
    ]);
  try {
    for (let turn = 0; turn < 60; turn++) {
      const side = rng.between(0, 2);
      await write({ client: clients[side]!, named: names(side), rng, model, columns });
    }
    for (const side of [0, 1, 2]) await compare(clients[side]!, names(side), model);
    await clients[0]!.end();
    await clients[1]!.end();
    await contractIn(url, 2);
    await compare(clients[2]!, names(2), model);
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  }
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}

interface Writing {
  readonly client: pg.Client;
  readonly named: ReadonlyMap<string, string>;
  readonly rng: Rng;
  readonly model: Model;
  readonly columns: readonly string[];
}

/** One statement as applications write them: some columns, or the whole row as an ORM does. */
async function write({ client, named, rng, model, columns }: Writing): Promise<void> {
  const chosen = columns.filter(() => rng.chance(0.4));
  if (chosen.length === 0) return;
  const values = chosen.map(() => rng.between(0, 9));
  if (rng.chance(0.3)) {
    const id = model.size + 1;
    const all = columns.map((name) => (chosen.includes(name) ? values[chosen.indexOf(name)]! : 1));
    await client.query(
      `INSERT INTO t (id, ${columns.map((name) => named.get(name)!).join(", ")}) VALUES (${[id, ...all].join(", ")})`,
    );
    model.set(id, new Map(columns.map((name, index) => [name, all[index]!])));
    return;
  }
  const id = rng.between(1, model.size);
  const row = model.get(id)!;
  const whole = rng.chance(0.4);
  const set = (whole ? columns : chosen).map((name) => {
    const value = chosen.includes(name) ? String(values[chosen.indexOf(name)]!) : named.get(name)!;
    return `${named.get(name)!} = ${value}`;
  });
  await client.query(`UPDATE t SET ${set.join(", ")} WHERE id = ${String(id)}`);
  for (const [index, name] of chosen.entries()) row.set(name, values[index]!);
}

async function compare(client: pg.Client, named: ReadonlyMap<string, string>, model: Model): Promise<void> {
  const { rows } = await client.query<Record<string, unknown>>("SELECT * FROM t ORDER BY id");
  const seen = rows.map((row) => [...named].map(([old, name]) => [old, row[name] === null ? null : Number(row[name])]));
  const wanted = [...model]
    .sort(([one], [other]) => one - other)
    .map(([, row]) => [...named.keys()].map((old) => [old, row.get(old)]));
  expect(seen).toEqual(wanted);
}

describe("no write of either release is ever lost", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(18);
  }, 60_000);
  afterAll(() => server.stop());

  it.each(Array.from({ length: 25 }, (_, seed) => seed + 1))("random schema, migration and writers, seed %i", async (seed) => {
    await play(await server.database(), createRng(seed));
  });

  it("a search_path with more schemas in it does not turn a new client's write into nothing (a fault of trigger tests on search_path)", async () => {
    const url = await server.database();
    await query(url, "CREATE TABLE t (id int PRIMARY KEY, salary numeric(10,2)); INSERT INTO t VALUES (1, 10.75);");
    await expandIn(
      url,
      await planOf(url, 2, { migration: "-- hitless: up t.salary = trunc(salary)\nALTER TABLE t ALTER COLUMN salary TYPE int;" }),
    );
    const client = await connected(await urlOf(url, 2));
    await client.query("SET search_path = hitless_shop_r2, public, pg_temp");
    await client.query("UPDATE t SET salary = 99 WHERE id = 1");
    expect((await client.query("SELECT salary FROM t")).rows).toEqual([{ salary: 99 }]);
    await client.end();
    expect(await query(url, "SELECT salary FROM t")).toEqual([{ salary: "99.00" }]);
  });

  it("a new client's write in a function with a path of its own is a new client's write (another fault of such tests)", async () => {
    const url = await server.database();
    await query(
      url,
      `CREATE TABLE t (id int PRIMARY KEY, salary numeric(10,2)); INSERT INTO t VALUES (1, 10.75);
       CREATE FUNCTION pay() RETURNS void LANGUAGE sql SET search_path = public AS 'INSERT INTO t (id, salary) VALUES (2, 7)';`,
    );
    await expandIn(
      url,
      await planOf(url, 2, { migration: "-- hitless: up t.salary = trunc(salary)\nALTER TABLE t ALTER COLUMN salary TYPE int;" }),
    );
    const client = await connected(await urlOf(url, 2));
    await client.query("SELECT pay()");
    expect((await client.query("SELECT salary FROM t ORDER BY id")).rows).toEqual([{ salary: 10 }, { salary: 7 }]);
    await client.end();
    expect(await query(url, "SELECT salary FROM t ORDER BY id")).toEqual([{ salary: "10.75" }, { salary: "7.00" }]);
  });

  it("a new client's write of another column leaves the old column as exact as it was", async () => {
    const url = await server.database();
    await query(url, "CREATE TABLE t (id int PRIMARY KEY, salary numeric(10,2), stock int); INSERT INTO t VALUES (1, 10.75, 1);");
    await expandIn(
      url,
      await planOf(url, 2, { migration: "-- hitless: up t.salary = trunc(salary)\nALTER TABLE t ALTER COLUMN salary TYPE int;" }),
    );
    const client = await connected(await urlOf(url, 2));
    await client.query("UPDATE t SET stock = 2, salary = salary WHERE id = 1");
    await client.end();
    expect(await query(url, "SELECT salary, stock FROM t")).toEqual([{ salary: "10.75", stock: 2 }]);
  });
});
