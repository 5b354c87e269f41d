import { expect } from "vitest";
import { describeStories, hasColumn, type Story } from "../../support/postgres/story.ts";

const STORIES: Readonly<Record<string, Story>> = {
  "1 add a column that may be null": {
    migration: "ALTER TABLE users ADD COLUMN age int;",
    next: async (run, turn) => {
      await run("INSERT INTO users (name, age) VALUES ($1, 5)", [`n${String(turn)}`]);
    },
    holds: hasColumn("users", "age"),
  },
  "2 add a column with a constant default and NOT NULL": {
    migration: "ALTER TABLE users ADD COLUMN age int NOT NULL DEFAULT 7;",
    holds: hasColumn("users", "age", "is_nullable = 'NO'"),
  },
  "3 add a column with default now()": { migration: "ALTER TABLE users ADD COLUMN born timestamptz NOT NULL DEFAULT now();" },
  "4 add a column with a volatile default": {
    migration: "ALTER TABLE users ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();",
    holds: `(${hasColumn("users", "token", "is_nullable = 'NO'")}) AND (SELECT count(*) = count(DISTINCT token) FROM users)`,
  },
  "5 add an identity column": {
    migration: "ALTER TABLE users ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;",
    holds: `(${hasColumn("users", "number", "is_identity = 'YES'")}) AND (SELECT count(*) = count(DISTINCT number) FROM users)`,
  },
  "5 add a serial column": {
    migration: "ALTER TABLE users ADD COLUMN number serial;",
    holds: "SELECT count(*) = count(DISTINCT number) FROM users",
  },
  "6 add a stored generated column": {
    migration: "ALTER TABLE users ADD COLUMN double int GENERATED ALWAYS AS (price * 2) STORED;",
    holds: "SELECT bool_and(double = price * 2) FROM users",
  },
  "7 add a virtual generated column": {
    since: 18,
    migration: "ALTER TABLE users ADD COLUMN double int GENERATED ALWAYS AS (price * 2) VIRTUAL;",
    next: async (run, turn) => {
      await run("INSERT INTO users (name, price) VALUES ('v', $1)", [turn]);
      expect((await run("SELECT bool_and(double = price * 2) AS ok FROM users WHERE name = 'v'")).rows).toEqual([{ ok: true }]);
    },
    holds: `(${hasColumn("users", "double")}) AND (SELECT bool_and(double = price * 2) FROM users)`,
  },
  "8 add a column with a check": {
    migration: "ALTER TABLE users ADD COLUMN age int CHECK (age > 0);",
    holds: "SELECT convalidated FROM pg_constraint WHERE conname = 'users_age_check'",
  },
  "9 add a unique column": {
    migration: "ALTER TABLE users ADD COLUMN mail text UNIQUE;",
    next: async (run, turn) => {
      await run("INSERT INTO users (name, mail) VALUES ('m', $1 || random()) ON CONFLICT (mail) DO NOTHING", [String(turn)]);
    },
  },
  "10 add a column that refers to another table": {
    migration: "ALTER TABLE orders ADD COLUMN buyer bigint REFERENCES users (id);",
  },
  "11 add a NOT NULL column whose value old rows hold": {
    migration: "-- hitless: up users.label = upper(name)\nALTER TABLE users ADD COLUMN label text NOT NULL;",
    next: async (run, turn) => {
      await run("INSERT INTO users (name, label) VALUES ('n', $1)", [`own${String(turn)}`]);
    },
    holds: `(${hasColumn("users", "label", "is_nullable = 'NO'")}) AND (SELECT bool_and(label = upper(name) OR label LIKE 'own%') FROM users)`,
  },
  "12 drop a column": {
    migration: "ALTER TABLE users DROP COLUMN code;",
    next: async (run, turn) => {
      await run("INSERT INTO users (name) VALUES ($1)", [`n${String(turn)}`]);
      await run("SELECT id, name, price, note FROM users WHERE id = $1", [turn + 1]);
    },
    holds: `NOT (${hasColumn("users", "code")})`,
  },
  "12 drop a NOT NULL column, with a value for the old release": {
    migration: "-- hitless: down users.name = 'nobody'\nALTER TABLE users DROP COLUMN name;",
    next: async (run) => {
      await run("INSERT INTO users (price) VALUES (1)");
    },
    holds: `NOT (${hasColumn("users", "name")})`,
  },
  "13 rename a column": {
    migration: "ALTER TABLE users RENAME COLUMN name TO full_name;",
    next: async (run, turn) => {
      await run("INSERT INTO users (full_name, price) VALUES ($1, 3) RETURNING id", [`n${String(turn)}`]);
      await run("UPDATE users SET full_name = full_name || '' WHERE id = $1", [turn + 1]);
      await run("SELECT full_name FROM users WHERE id = $1", [turn + 1]);
    },
    holds: hasColumn("users", "full_name"),
  },
  "14 rename a table": {
    migration: "ALTER TABLE users RENAME TO people;",
    next: async (run, turn) => {
      await run("INSERT INTO people (name) VALUES ($1)", [`n${String(turn)}`]);
    },
    holds: "SELECT to_regclass('public.people') IS NOT NULL AND to_regclass('public.users') IS NULL",
  },
  "14 set another schema": {
    setup: "CREATE SCHEMA other;",
    migration: "ALTER TABLE users SET SCHEMA other;",
    next: async (run, turn) => {
      await run("INSERT INTO other.users (name) VALUES ($1)", [`n${String(turn)}`]);
    },
    holds: "SELECT to_regclass('other.users') IS NOT NULL AND to_regclass('public.users') IS NULL",
  },
  "15 widen a type": { migration: "ALTER TABLE users ALTER COLUMN code TYPE varchar(40);" },
  "16 change a type": {
    migration: "ALTER TABLE users ALTER COLUMN price TYPE numeric(20,2);",
    next: async (run, turn) => {
      await run("INSERT INTO users (name, price) VALUES ($1, 3.75)", [`new${String(turn)}`]);
      await run("UPDATE users SET price = 9.25 WHERE id = $1", [3000 - (turn % 50)]);
      await run("SELECT price FROM users WHERE id = $1", [turn + 1]);
    },
    holds: `(${hasColumn("users", "price", "is_nullable = 'NO' AND numeric_scale = 2 AND column_default IS NOT NULL")}) AND (SELECT count(*) = 0 FROM users WHERE name LIKE 'new%' AND price NOT IN (3.75, 4))`,
  },
  "17 change a collation": {
    migration: 'ALTER TABLE users ALTER COLUMN name TYPE text COLLATE "POSIX";',
    next: async (run) => {
      await run("SELECT name FROM users ORDER BY name LIMIT 3");
    },
    holds: hasColumn("users", "name", "collation_name = 'POSIX'"),
  },
  "18 set a default": {
    migration: "ALTER TABLE users ALTER COLUMN price SET DEFAULT 77;",
    next: async (run) => {
      const { rows } = await run("INSERT INTO users (name) VALUES ('n') RETURNING price");
      expect(rows).toEqual([{ price: 77 }]);
    },
    holds: hasColumn("users", "price", "column_default = '77'"),
  },
  "19 drop NOT NULL, with a value for the old release": {
    migration: "-- hitless: down users.name = 'unknown'\nALTER TABLE users ALTER COLUMN name DROP NOT NULL;",
    next: async (run, turn) => {
      await run("INSERT INTO users (name, price) VALUES (NULL, $1)", [turn]);
    },
    holds: hasColumn("users", "name", "is_nullable = 'YES'"),
  },
  "20 set NOT NULL": {
    migration: "-- hitless: up users.note = ''\nALTER TABLE users ALTER COLUMN note SET NOT NULL;",
    holds: hasColumn("users", "note", "is_nullable = 'NO'"),
  },
  "21 number an existing column": {
    setup: "CREATE TABLE plain (id int PRIMARY KEY); INSERT INTO plain VALUES (41);",
    migration: "ALTER TABLE plain ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;",
    next: async (run) => {
      await run("INSERT INTO plain DEFAULT VALUES");
    },
    holds: "SELECT count(DISTINCT id) = count(*) FROM plain",
  },
  "22, 23 settings": {
    migration:
      "ALTER TABLE users SET (fillfactor = 80); ALTER TABLE users ALTER COLUMN name SET STATISTICS 200; ALTER TABLE users ALTER COLUMN name SET STORAGE EXTERNAL;",
  },
  "24 several commands in one statement": {
    migration:
      "ALTER TABLE users ADD COLUMN a int, DROP COLUMN note, ALTER COLUMN price TYPE bigint, ADD COLUMN b text DEFAULT 'x';",
    old: async (run, turn) => {
      await run("INSERT INTO users (name, price, note) VALUES ($1, $2, 'n')", [`old${String(turn)}`, turn % 1000]);
    },
    next: async (run, turn) => {
      await run("INSERT INTO users (name, price, a, b) VALUES ($1, 5, 1, 'y')", [`n${String(turn)}`]);
    },
    holds: `(${hasColumn("users", "price", "data_type = 'bigint'")}) AND (${hasColumn("users", "b")})`,
  },
};

describeStories("columns", STORIES);
