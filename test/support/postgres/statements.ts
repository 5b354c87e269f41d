/** A database in which each of the statements below can run. */
export const STATEMENT_TABLES = `
  CREATE EXTENSION pg_trgm;
  CREATE ROLE reader_of_statements;
  CREATE TYPE mood AS ENUM ('good');
  CREATE TYPE spare AS ENUM ('one');
  CREATE DOMAIN amount AS int;
  CREATE DOMAIN lonely AS int;
  CREATE DOMAIN word AS text;
  CREATE SEQUENCE numbers;
  CREATE TABLE users (
    id int PRIMARY KEY, name text NOT NULL, code varchar(10) NOT NULL DEFAULT 'x', note text, price int NOT NULL DEFAULT 1, ratio numeric(8, 2), feeling mood,
    seen timestamptz NOT NULL DEFAULT now(), moment timestamptz(3), local timestamp, span interval(3), ip cidr, data json, mask bit(4), tags int[], fine real,
    short char(4), label word, big bigint NOT NULL DEFAULT 0, checked int, CONSTRAINT checked_is CHECK (checked IS NOT NULL));
  CREATE INDEX by_code ON users (code);
  CREATE INDEX by_price ON users (price);
  CREATE TABLE orders (id int PRIMARY KEY, user_id int, sum amount NOT NULL DEFAULT 1, mark text UNIQUE,
    CONSTRAINT positive CHECK (sum > 0));
  ALTER TABLE orders ADD CONSTRAINT unsure CHECK (id > 0) NOT VALID;
  CREATE INDEX by_user ON orders (user_id);
  CREATE TABLE lines (order_id int REFERENCES orders (id), size int);
  CREATE TABLE plain (id int NOT NULL, other int);
  CREATE UNIQUE INDEX plain_id ON plain (id);
  CREATE TABLE parts (id int NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
  CREATE TABLE more (id int NOT NULL, at date NOT NULL);
  CREATE TABLE fitting (id int NOT NULL, at date NOT NULL,
    CONSTRAINT fits CHECK (at IS NOT NULL AND at >= '2026-01-01' AND at < '2027-01-01'));
  CREATE VIEW names AS SELECT id, note FROM users;
  CREATE MATERIALIZED VIEW totals AS SELECT user_id, count(*) FROM orders GROUP BY 1;
  CREATE MATERIALIZED VIEW sums AS SELECT id, big FROM users;
  CREATE UNIQUE INDEX ON sums (id);
  CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
  CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT n * 2 $$;
  CREATE TRIGGER touched BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();
  CREATE TABLE safe (id int PRIMARY KEY);
  ALTER TABLE safe ENABLE ROW LEVEL SECURITY;
  CREATE POLICY everybody ON safe USING (true);
  INSERT INTO users (id, name, checked) SELECT i, 'u' || i, i FROM generate_series(1, 50) i;
  INSERT INTO orders (id, user_id, mark) SELECT i, i, i FROM generate_series(1, 50) i;
  INSERT INTO lines SELECT i, i FROM generate_series(1, 50) i;
  INSERT INTO plain SELECT i, i FROM generate_series(1, 50) i;
  INSERT INTO more VALUES (1, '2025-03-03');
  INSERT INTO fitting VALUES (1, '2026-03-03');
  INSERT INTO parts VALUES (1, '2024-03-03');
  REFRESH MATERIALIZED VIEW totals; REFRESH MATERIALIZED VIEW sums;
  ANALYZE;`;

/** Statements as people write them. Where a value cannot be inferred, an annotation says it. */
export const STATEMENTS: readonly string[] = [
  // Columns
  "ALTER TABLE users ADD COLUMN a int",
  "ALTER TABLE users ADD COLUMN a int DEFAULT 5",
  "ALTER TABLE users ADD COLUMN a text NOT NULL DEFAULT 'x'",
  "ALTER TABLE users ADD COLUMN a timestamptz DEFAULT now()",
  "ALTER TABLE users ADD COLUMN a timestamptz DEFAULT current_timestamp",
  "ALTER TABLE users ADD COLUMN a timestamptz DEFAULT clock_timestamp()",
  "ALTER TABLE users ADD COLUMN a uuid DEFAULT gen_random_uuid()",
  "ALTER TABLE users ADD COLUMN a float DEFAULT random()",
  "ALTER TABLE users ADD COLUMN a int DEFAULT nextval('numbers')",
  "ALTER TABLE users ADD COLUMN a int DEFAULT twice(2)",
  "ALTER TABLE users ADD COLUMN a serial",
  "ALTER TABLE users ADD COLUMN a bigint GENERATED ALWAYS AS IDENTITY",
  "ALTER TABLE users ADD COLUMN a int GENERATED ALWAYS AS (price * 2) STORED",
  "ALTER TABLE users ADD COLUMN a int CHECK (a > 0)",
  "ALTER TABLE users ADD COLUMN a int DEFAULT 1 CHECK (a > 0)",
  "ALTER TABLE users ADD COLUMN a int UNIQUE",
  "ALTER TABLE users ADD COLUMN a int REFERENCES orders (id)",
  "ALTER TABLE users ADD COLUMN a int[] DEFAULT '{}'",
  "ALTER TABLE users ADD COLUMN a mood DEFAULT 'good'",
  "ALTER TABLE users ADD COLUMN a amount",
  "ALTER TABLE users ADD COLUMN IF NOT EXISTS note text",
  "ALTER TABLE parts ADD COLUMN a int",
  "-- hitless: up users.a = price\nALTER TABLE users ADD COLUMN a int NOT NULL",
  "ALTER TABLE users ADD COLUMN a int, ADD COLUMN b text DEFAULT 'x'",
  "ALTER TABLE orders DROP COLUMN mark",
  "ALTER TABLE users DROP COLUMN ratio",
  "ALTER TABLE users DROP COLUMN IF EXISTS nothing",
  "ALTER TABLE users RENAME COLUMN ratio TO share",
  "ALTER TABLE lines RENAME TO items",
  "ALTER TABLE users ALTER COLUMN code TYPE varchar(20)",
  "ALTER TABLE users ALTER COLUMN code TYPE varchar",
  "ALTER TABLE users ALTER COLUMN code TYPE text",
  "ALTER TABLE users ALTER COLUMN name TYPE varchar",
  "ALTER TABLE users ALTER COLUMN ratio TYPE numeric(10, 2)",
  "ALTER TABLE users ALTER COLUMN ratio TYPE numeric",
  "ALTER TABLE users ALTER COLUMN ratio TYPE numeric(12, 4)",
  "ALTER TABLE users ALTER COLUMN moment TYPE timestamptz(6)",
  "ALTER TABLE users ALTER COLUMN moment TYPE timestamptz",
  "ALTER TABLE users ALTER COLUMN span TYPE interval",
  "ALTER TABLE users ALTER COLUMN ip TYPE inet",
  "ALTER TABLE users ALTER COLUMN mask TYPE bit varying",
  "ALTER TABLE users ALTER COLUMN label TYPE text",
  "ALTER TABLE users ALTER COLUMN local TYPE timestamptz",
  "ALTER TABLE users ALTER COLUMN price TYPE bigint",
  "ALTER TABLE users ALTER COLUMN price TYPE text",
  "ALTER TABLE users ALTER COLUMN fine TYPE double precision",
  "ALTER TABLE users ALTER COLUMN tags TYPE bigint[]",
  "ALTER TABLE users ALTER COLUMN data TYPE jsonb",
  "ALTER TABLE users ALTER COLUMN short TYPE text",
  "ALTER TABLE users ALTER COLUMN feeling TYPE text",
  'ALTER TABLE users ALTER COLUMN code TYPE varchar(10) COLLATE "C"',
  "-- hitless: up users.code = left(code, 5)\nALTER TABLE users ALTER COLUMN code TYPE varchar(5)",
  "ALTER TABLE users ALTER COLUMN note SET DEFAULT 'n'",
  "ALTER TABLE users ALTER COLUMN code DROP DEFAULT",
  "-- hitless: down users.name = ''\nALTER TABLE users ALTER COLUMN name DROP NOT NULL",
  "-- hitless: up users.ratio = 0\nALTER TABLE users ALTER COLUMN ratio SET NOT NULL",
  "-- hitless: up users.checked = 0\nALTER TABLE users ALTER COLUMN checked SET NOT NULL",
  "ALTER TABLE plain ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY",
  "ALTER TABLE users ALTER COLUMN name SET STATISTICS 200",
  "ALTER TABLE users ALTER COLUMN name SET (n_distinct = 100)",
  "ALTER TABLE users ALTER COLUMN name SET STORAGE EXTERNAL",
  "ALTER TABLE users ALTER COLUMN name SET COMPRESSION pglz",
  // Tables
  "ALTER TABLE users SET (fillfactor = 80)",
  "ALTER TABLE users SET (autovacuum_enabled = false)",
  "ALTER TABLE users RESET (fillfactor)",
  "ALTER TABLE users SET UNLOGGED",
  "ALTER TABLE users REPLICA IDENTITY FULL",
  "ALTER TABLE users OWNER TO reader_of_statements",
  "ALTER TABLE users CLUSTER ON users_pkey",
  "ALTER TABLE safe DISABLE ROW LEVEL SECURITY",
  "CREATE POLICY mine ON safe USING (id > 0)",
  "CLUSTER users USING users_pkey",
  "TRUNCATE lines",
  "DROP TABLE lines",
  "CREATE TABLE fresh (id int PRIMARY KEY, name text)",
  "CREATE TABLE fresh (id int PRIMARY KEY, user_id int REFERENCES users (id))",
  "CREATE TABLE fresh AS SELECT id FROM users",
  "CREATE TABLE fresh (LIKE users INCLUDING ALL)",
  // Constraints
  "ALTER TABLE users ADD CONSTRAINT above CHECK (price > 0)",
  "-- hitless: phase=expand\nALTER TABLE users ADD CONSTRAINT above CHECK (price > 0)",
  "ALTER TABLE users ADD CONSTRAINT above CHECK (price > 0) NOT VALID",
  "ALTER TABLE orders VALIDATE CONSTRAINT unsure",
  "ALTER TABLE orders VALIDATE CONSTRAINT positive",
  "ALTER TABLE orders DROP CONSTRAINT positive",
  "ALTER TABLE orders DROP CONSTRAINT orders_mark_key",
  "ALTER TABLE orders RENAME CONSTRAINT positive TO more_than_none",
  "ALTER TABLE orders ADD CONSTRAINT buyer FOREIGN KEY (user_id) REFERENCES users (id)",
  "-- hitless: phase=expand\nALTER TABLE orders ADD CONSTRAINT buyer FOREIGN KEY (user_id) REFERENCES users (id)",
  "ALTER TABLE orders ADD CONSTRAINT buyer FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID",
  "ALTER TABLE lines DROP CONSTRAINT lines_order_id_fkey",
  "ALTER TABLE lines ALTER CONSTRAINT lines_order_id_fkey DEFERRABLE",
  "ALTER TABLE users ADD CONSTRAINT one_code UNIQUE (id, code)",
  "-- hitless: phase=expand\nALTER TABLE users ADD CONSTRAINT one_code UNIQUE (id, code)",
  "ALTER TABLE plain ADD PRIMARY KEY (id)",
  "ALTER TABLE plain ADD PRIMARY KEY (other)",
  "-- hitless: phase=expand\nALTER TABLE plain ADD CONSTRAINT one UNIQUE USING INDEX plain_id",
  "ALTER TABLE users ADD CONSTRAINT one EXCLUDE USING btree (id WITH =)",
  // Indexes
  "CREATE INDEX ON users (name)",
  "CREATE UNIQUE INDEX ON users (id, name)",
  "CREATE INDEX ON users USING gin (name gin_trgm_ops)",
  "CREATE INDEX ON users (lower(name)) WHERE price > 0",
  "CREATE INDEX ON parts (id)",
  "DROP INDEX by_price",
  "REINDEX INDEX by_price",
  "REINDEX TABLE users",
  "ALTER INDEX by_price RENAME TO by_amount",
  "ALTER INDEX by_price SET (fillfactor = 80)",
  // Partitions
  "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
  "ALTER TABLE parts ATTACH PARTITION more FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
  "ALTER TABLE parts ATTACH PARTITION fitting FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
  "ALTER TABLE parts DETACH PARTITION parts_1",
  // Types, sequences, extensions
  "ALTER TYPE spare ADD VALUE 'two'",
  "CREATE TYPE place AS (street text, number int)",
  "ALTER DOMAIN amount ADD CONSTRAINT above CHECK (VALUE > 0)",
  "ALTER DOMAIN amount ADD CONSTRAINT above CHECK (VALUE > 0) NOT VALID",
  "ALTER DOMAIN lonely ADD CONSTRAINT above CHECK (VALUE > 0)",
  "ALTER DOMAIN amount SET DEFAULT 3",
  "CREATE SEQUENCE further",
  "ALTER SEQUENCE numbers RESTART",
  "CREATE EXTENSION IF NOT EXISTS citext",
  "COMMENT ON TABLE users IS 'people'",
  "COMMENT ON COLUMN users.name IS 'of people'",
  "CREATE STATISTICS both_of ON name, price FROM users",
  "GRANT SELECT ON users TO reader_of_statements",
  // Views, routines, triggers
  "CREATE VIEW cheap AS SELECT id FROM users WHERE price < 10",
  "CREATE OR REPLACE VIEW names AS SELECT id, note, price FROM users",
  "DROP VIEW names",
  "CREATE MATERIALIZED VIEW few AS SELECT id FROM users",
  "REFRESH MATERIALIZED VIEW totals",
  "REFRESH MATERIALIZED VIEW sums",
  "DROP MATERIALIZED VIEW totals",
  "CREATE FUNCTION thrice(n int) RETURNS int LANGUAGE sql AS $$ SELECT n * 3 $$",
  "CREATE OR REPLACE FUNCTION twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT n + n $$",
  "CREATE TRIGGER noted BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION touch()",
  "DROP TRIGGER touched ON orders",
  "ALTER TRIGGER touched ON orders RENAME TO felt",
  "ALTER TABLE orders DISABLE TRIGGER touched",
  "CREATE RULE quiet AS ON INSERT TO lines DO INSTEAD NOTHING",
  // Rows
  "UPDATE users SET note = 'seen'",
  "DELETE FROM lines WHERE size > 10",
  "INSERT INTO lines (order_id, size) VALUES (1, 1)",
];

/** Only PostgreSQL 18 has them. */
export const STATEMENTS_OF_18: readonly string[] = [
  "ALTER TABLE users ADD COLUMN a int GENERATED ALWAYS AS (price * 2) VIRTUAL",
  "ALTER TABLE users ADD CONSTRAINT above CHECK (price > 0) NOT ENFORCED",
];
