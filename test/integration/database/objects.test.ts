import { expect } from "vitest";
import { describeStories, type Story } from "../../support/postgres/story.ts";

const valid = (constraint: string): string =>
  `SELECT bool_and(convalidated) AND count(*) = 1 FROM pg_constraint WHERE conname = '${constraint}'`;
const index = (name: string): string => `SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('public.${name}')`;
const PARTS = `CREATE TABLE parts (id int NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
  INSERT INTO parts SELECT i, '2024-02-01' FROM generate_series(1, 500) i;`;
const ORDER = `CREATE FUNCTION place(who bigint) RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO orders (user_id) VALUES (who); RETURN 1; END $$;`;

const STORIES: Readonly<Record<string, Story>> = {
  "30 add a check": { migration: "ALTER TABLE users ADD CONSTRAINT positive CHECK (price >= 0);", holds: valid("positive") },
  "31 constraints that are not enforced": {
    since: 18,
    migration:
      "ALTER TABLE users ADD CONSTRAINT dear CHECK (price > 1000000) NOT ENFORCED; ALTER TABLE orders ADD CONSTRAINT again FOREIGN KEY (user_id) REFERENCES users (id) NOT ENFORCED; ALTER TABLE users ADD COLUMN age int CHECK (age > 150) NOT ENFORCED;",
    next: async (run) => {
      await run("INSERT INTO users (name, age) VALUES ('n', 20)");
    },
    holds:
      "SELECT count(*) = 3 AND NOT bool_or(conenforced) FROM pg_constraint WHERE conname IN ('dear', 'again', 'users_age_check')",
  },
  "32 drop a check": {
    setup: "ALTER TABLE users ADD CONSTRAINT positive CHECK (price >= 0);",
    migration: "ALTER TABLE users DROP CONSTRAINT positive;",
    next: async (run) => {
      await run("INSERT INTO users (name, price) VALUES ('n', -1)");
    },
    holds: "SELECT count(*) = 0 FROM pg_constraint WHERE conname = 'positive'",
  },
  "33 add a foreign key": {
    setup: "CREATE TABLE visits (user_id bigint); INSERT INTO visits SELECT 1 FROM generate_series(1, 500);",
    migration: "ALTER TABLE visits ADD CONSTRAINT visitor FOREIGN KEY (user_id) REFERENCES users (id);",
    holds: valid("visitor"),
  },
  "34 drop a foreign key": {
    migration: "ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey;",
    holds: "SELECT count(*) = 0 FROM pg_constraint WHERE conname = 'orders_user_id_fkey'",
  },
  "35 add a unique constraint": {
    setup: "ALTER TABLE orders ADD COLUMN mark text;",
    migration: "ALTER TABLE orders ADD CONSTRAINT one_mark UNIQUE (mark);",
    holds: valid("one_mark"),
  },
  "35 add a primary key": {
    setup: "CREATE TABLE plain (id int NOT NULL); INSERT INTO plain SELECT generate_series(1, 500);",
    migration: "ALTER TABLE plain ADD PRIMARY KEY (id);",
    holds: valid("plain_pkey"),
  },
  "37 drop a unique constraint": {
    setup: "ALTER TABLE orders ADD COLUMN mark text UNIQUE;",
    migration: "ALTER TABLE orders DROP CONSTRAINT orders_mark_key;",
    old: async (run, turn) => {
      await run("INSERT INTO orders (mark) VALUES ($1) ON CONFLICT (mark) DO NOTHING", [String(turn % 50)]);
    },
    holds: "SELECT count(*) = 0 FROM pg_constraint WHERE conname = 'orders_mark_key'",
  },
  "38 create an index": {
    migration: "CREATE INDEX by_name ON users (name); CREATE INDEX ON orders (user_id);",
    holds: index("by_name"),
  },
  "38 create a unique index": { migration: "CREATE UNIQUE INDEX one_at ON orders (id, at);", holds: index("one_at") },
  "39 drop an index": {
    setup: "CREATE INDEX by_name ON users (name);",
    migration: "DROP INDEX by_name;",
    holds: "SELECT to_regclass('by_name') IS NULL",
  },
  "40 rebuild an index": { migration: "REINDEX INDEX users_pkey;", holds: index("users_pkey") },
  "41 rename an index": { migration: "ALTER INDEX orders_pkey RENAME TO orders_first;", holds: index("orders_first") },
  "42 rename a constraint": {
    migration: "ALTER TABLE orders RENAME CONSTRAINT orders_user_id_fkey TO buyer;",
    holds: valid("buyer"),
  },
  "43 validate a constraint": {
    setup: "ALTER TABLE users ADD CONSTRAINT positive CHECK (price >= 0) NOT VALID;",
    migration: "ALTER TABLE users VALIDATE CONSTRAINT positive;",
    holds: valid("positive"),
  },
  "46 statistics and comments": {
    migration: "CREATE STATISTICS both_of ON name, price FROM users; COMMENT ON TABLE users IS 'people'; ANALYZE users;",
    holds: "SELECT obj_description('users'::regclass) = 'people'",
  },
  "50 make a table that refers to others": {
    migration:
      "CREATE TABLE carts (id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users (id), order_id int REFERENCES orders (id)); CREATE INDEX ON carts (user_id); ALTER TABLE carts ADD COLUMN note text; ALTER TABLE carts ADD CONSTRAINT noted CHECK (note <> ''); ALTER TABLE carts RENAME COLUMN note TO remark;",
    next: async (run, turn) => {
      await run("INSERT INTO carts (id, user_id, order_id, remark) VALUES ($1, 1, 1, 'r') ON CONFLICT DO NOTHING", [turn]);
    },
    holds:
      "SELECT count(*) = 2 AND (SELECT count(*) = 2 FROM pg_index WHERE indrelid = 'carts'::regclass) FROM pg_constraint WHERE conrelid = 'carts'::regclass AND contype = 'f' AND convalidated",
  },
  "51 drop a table": {
    setup: "CREATE TABLE visits (user_id bigint REFERENCES users);",
    migration: "DROP TABLE visits;",
    old: async (run) => {
      await run("INSERT INTO visits VALUES (1)");
    },
    holds: "SELECT to_regclass('visits') IS NULL",
  },
  "53 make a partition": {
    setup: PARTS,
    migration: "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');",
    old: async (run) => {
      await run("INSERT INTO parts VALUES (1, '2024-05-05')");
    },
    holds: "SELECT count(*) = 2 FROM pg_inherits WHERE inhparent = 'parts'::regclass",
  },
  "54 attach a partition": {
    setup: `${PARTS} CREATE TABLE more (id int NOT NULL, at date NOT NULL); INSERT INTO more VALUES (1, '2025-03-03');`,
    migration: "ALTER TABLE parts ATTACH PARTITION more FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');",
    holds: "SELECT count(*) = 501 FROM parts",
  },
  "55 detach a partition": {
    setup: PARTS,
    migration: "ALTER TABLE parts DETACH PARTITION parts_1;",
    holds: "SELECT count(*) = 0 FROM pg_inherits WHERE inhparent = 'parts'::regclass",
  },
  "56 create an index on a partitioned table": {
    setup: PARTS,
    migration: "CREATE INDEX parts_id ON parts (id);",
    old: async (run, turn) => {
      await run("INSERT INTO parts VALUES ($1, '2024-05-05')", [turn]);
    },
    holds: `(${index("parts_id")})`,
  },
  "57 a primary key that becomes a bigint, with a foreign key to it": {
    setup: "CREATE TABLE lines (order_id int REFERENCES orders (id)); INSERT INTO lines SELECT id FROM orders LIMIT 50;",
    migration: "ALTER TABLE orders ALTER COLUMN id TYPE bigint;",
    old: async (run) => {
      const { rows } = await run("INSERT INTO orders (user_id) VALUES (1) RETURNING id");
      await run("INSERT INTO lines VALUES ($1)", [(rows as { id: number }[])[0]!.id]);
    },
    next: async (run) => {
      const { rows } = await run("INSERT INTO orders (user_id) VALUES (2) RETURNING id");
      await run("SELECT at FROM orders WHERE id = $1", [(rows as { id: string }[])[0]!.id]);
    },
    holds: `(${valid("lines_order_id_fkey")}) AND (${valid("orders_pkey")}) AND (SELECT data_type = 'bigint' AND column_default LIKE 'nextval%' FROM information_schema.columns WHERE table_name = 'orders' AND column_name = 'id')`,
  },
  "58 add a value to an enum": {
    setup: "CREATE TYPE mood AS ENUM ('good'); ALTER TABLE users ADD COLUMN m mood;",
    migration: "ALTER TYPE mood ADD VALUE 'bad' AFTER 'good';",
    next: async (run) => {
      await run("INSERT INTO users (name, m) VALUES ('n', 'bad')");
    },
  },
  "62, 63, 65 sequences, extensions, grants": {
    migration: "CREATE SEQUENCE numbers; CREATE EXTENSION IF NOT EXISTS pg_trgm; GRANT SELECT ON users TO PUBLIC;",
    holds: "SELECT to_regclass('numbers') IS NOT NULL",
  },
  "66 replica identity": { migration: "ALTER TABLE users REPLICA IDENTITY FULL;" },
  "70, 71 replace a function, same signature": {
    setup: ORDER,
    procedures: {
      "place.sql":
        "CREATE FUNCTION place(who bigint) RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO orders (user_id) VALUES (who); RETURN 2; END $$;",
    },
    old: async (run) => {
      expect((await run("SELECT place(1) AS is")).rows).toEqual([{ is: 1 }]);
    },
    next: async (run) => {
      expect((await run("SELECT place(1) AS is")).rows).toEqual([{ is: 2 }]);
    },
    holds: "SELECT place(1) = 2",
  },
  "72, 73, 74 another signature and result type under the same name": {
    setup: ORDER,
    procedures: {
      "place.sql":
        "CREATE FUNCTION place(buyer bigint, gift boolean DEFAULT false) RETURNS TABLE (number int, present boolean) LANGUAGE sql AS $$ SELECT 7, gift $$;",
    },
    old: async (run) => {
      expect((await run("SELECT place(1) AS is")).rows).toEqual([{ is: 1 }]);
    },
    next: async (run) => {
      expect((await run("SELECT * FROM place(buyer => 1)")).rows).toEqual([{ number: 7, present: false }]);
    },
    holds: "SELECT count(*) = 1 FROM pg_proc WHERE proname = 'place'",
  },
  "75 drop a function": {
    setup: ORDER,
    migration: "DROP FUNCTION place(bigint);",
    old: async (run) => {
      await run("SELECT place(1)");
    },
    holds: "SELECT count(*) = 0 FROM pg_proc WHERE proname = 'place'",
  },
  "76 drop and make a function in one migration": {
    setup: ORDER,
    migration:
      "DROP FUNCTION place(bigint); CREATE FUNCTION place(who bigint) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'two'; END $$;",
    old: async (run) => {
      expect((await run("SELECT place(1) AS is")).rows).toEqual([{ is: 1 }]);
    },
    next: async (run) => {
      expect((await run("SELECT place(1) AS is")).rows).toEqual([{ is: "two" }]);
    },
    holds: "SELECT place(1) = 'two'",
  },
  "77 a pinned function sees what its caller's release sees": {
    setup:
      "CREATE FUNCTION named(who bigint) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$ BEGIN RETURN (SELECT name FROM users WHERE id = who); END $$;",
    migration: "ALTER TABLE users RENAME COLUMN name TO full_name;",
    procedures: {
      "named.sql":
        "CREATE FUNCTION named(who bigint) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$ BEGIN RETURN (SELECT full_name FROM users WHERE id = who); END $$;",
    },
    old: async (run) => {
      await run("SELECT named(1)");
    },
    next: async (run) => {
      await run("SELECT named(1)");
    },
  },
  "78 change a view, and what it stands on": {
    setup: "CREATE VIEW prices AS SELECT id, name, price FROM users;",
    migration: "ALTER TABLE users DROP COLUMN note; CREATE OR REPLACE VIEW prices AS SELECT id, price AS cost FROM users;",
    old: async (run) => {
      await run("SELECT name, price FROM prices LIMIT 1");
      await run("INSERT INTO users (name, note) VALUES ('o', 'x')");
    },
    next: async (run) => {
      await run("SELECT cost FROM prices LIMIT 1");
    },
    holds: "SELECT count(*) = 1 FROM information_schema.columns WHERE table_name = 'prices' AND column_name = 'cost'",
  },
  "79 drop a view": {
    setup: "CREATE VIEW prices AS SELECT id, price FROM users;",
    migration: "DROP VIEW prices;",
    old: async (run) => {
      await run("SELECT price FROM prices LIMIT 1");
    },
    holds: "SELECT to_regclass('prices') IS NULL",
  },
  "80 refresh a materialized view": {
    setup: "CREATE MATERIALIZED VIEW sums AS SELECT id, price FROM users; CREATE UNIQUE INDEX ON sums (id);",
    migration: "REFRESH MATERIALIZED VIEW sums;",
    old: async (run) => {
      await run("SELECT count(*) FROM sums");
    },
  },
  "81 make a trigger": {
    migration:
      "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := upper(NEW.name); RETURN NEW; END $$; CREATE TRIGGER shouting BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION shout();",
    old: async (run) => {
      expect((await run("INSERT INTO users (name) VALUES ('a') RETURNING name")).rows).toEqual([{ name: "a" }]);
    },
    next: async (run) => {
      expect((await run("INSERT INTO users (name) VALUES ('a') RETURNING name")).rows).toEqual([{ name: "A" }]);
    },
  },
  "82, 83 drop and disable triggers": {
    setup:
      "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := upper(NEW.name); RETURN NEW; END $$; CREATE TRIGGER shouting BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION shout();",
    migration: "DROP TRIGGER shouting ON users;",
    old: async (run) => {
      expect((await run("INSERT INTO users (name) VALUES ('a') RETURNING name")).rows).toEqual([{ name: "A" }]);
    },
  },
  "rows change batch by batch": {
    setup:
      "CREATE TABLE many (id int PRIMARY KEY, n int); INSERT INTO many SELECT i, 0 FROM generate_series(1, 30000) i; ANALYZE many;",
    migration: "UPDATE many SET n = n + 1 WHERE id % 2 = 0;",
    holds: "SELECT sum(n) = 15000 FROM many",
  },
};

describeStories("constraints, indexes, tables and code", STORIES);
