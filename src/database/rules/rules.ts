import type { RuleId } from "./rule-ids.ts";

/** A guideline for people who write SQL for a release: what the planner judges, with an example of each kind. */
export interface Rule {
  readonly id: RuleId;
  /** What to do, in one sentence. */
  readonly title: string;
  readonly why: string;
  /** Over the tables of \`GUIDELINE_TABLES\`. */
  readonly bad: string;
  readonly good: string;
  /**
   * Locks that stop readers or writers, as measured on PostgreSQL 18: of the bad example as it stands, and of all steps that Hitless makes of the
   * good one. `test/integration/database/guidelines.test.ts` measures them again.
   */
  readonly locks: { readonly bad: string; readonly good: string };
  /** \`refused\`: a deployment stops; \`noticed\`: it goes on and says so. */
  readonly verdict: "refused" | "noticed";
}

/** The tables that the examples speak of. */
export const GUIDELINE_TABLES = `
CREATE TYPE mood AS ENUM ('good');
CREATE DOMAIN amount AS int;
CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, mail text, price int, feeling mood);
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint, sum amount);
CREATE MATERIALIZED VIEW totals AS SELECT user_id, count(*) FROM orders GROUP BY 1;
CREATE MATERIALIZED VIEW sums AS SELECT id, price FROM users;
CREATE UNIQUE INDEX ON sums (id);
CREATE VIEW names AS SELECT id, name FROM users;
CREATE SCHEMA archive;
CREATE TABLE archive.letters (id bigint PRIMARY KEY, body text);
CREATE FUNCTION archive.next() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE notes (id bigint PRIMARY KEY, body text);
CREATE FUNCTION all_notes() RETURNS TABLE (id bigint, body text) LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT * FROM notes; END';
INSERT INTO users SELECT i, 'u', NULL, i FROM generate_series(1, 20000) i;
ANALYZE users;`;

export const RULES: readonly Rule[] = [
  {
    id: "not-null-without-value",
    title: "Say what old rows and old clients get in a column that is never null.",
    why: "Rows that are there have no value, and the running release goes on to insert rows without one.",
    bad: "ALTER TABLE users ADD COLUMN label text NOT NULL;",
    good: "-- hitless: up users.label = upper(name)\nALTER TABLE users ADD COLUMN label text NOT NULL;",
    locks: { bad: "ACCESS EXCLUSIVE on users, O(n) scan", good: "ACCESS EXCLUSIVE on users, O(1)" },
    verdict: "refused",
  },
  {
    id: "set-not-null",
    title: "Say what nulls become before you forbid them.",
    why: "Rows may be null, and the running release may go on to write nulls; SET NOT NULL also reads the whole table under ACCESS EXCLUSIVE.",
    bad: "ALTER TABLE users ALTER COLUMN mail SET NOT NULL;",
    good: "-- hitless: up users.mail = ''\nALTER TABLE users ALTER COLUMN mail SET NOT NULL;",
    locks: { bad: "ACCESS EXCLUSIVE on users, O(n) scan", good: "ACCESS EXCLUSIVE on users, O(1)" },
    verdict: "refused",
  },
  {
    id: "drop-not-null",
    title: "Say what the running release reads where the new one writes null.",
    why: "It has never seen a null there.",
    bad: "ALTER TABLE users ALTER COLUMN name DROP NOT NULL;",
    good: "-- hitless: down users.name = ''\nALTER TABLE users ALTER COLUMN name DROP NOT NULL; DROP VIEW names;",
    locks: { bad: "ACCESS EXCLUSIVE on users, O(1)", good: "ACCESS EXCLUSIVE on names, users, O(1)" },
    verdict: "refused",
  },
  {
    id: "drop-not-null-column",
    title: "Say what the running release reads from rows that the new one inserts without a dropped column.",
    why: "Until the contract the column is there and may not be null.",
    bad: "DROP VIEW names; ALTER TABLE users DROP COLUMN name;",
    good: "-- hitless: down users.name = ''\nALTER TABLE users DROP COLUMN name; DROP VIEW names;",
    locks: { bad: "ACCESS EXCLUSIVE on names, users, O(1)", good: "ACCESS EXCLUSIVE on names, users, O(1)" },
    verdict: "refused",
  },
  {
    id: "retype-may-fail",
    title: "Change a type only where every old value has a new one, or say which.",
    why: "A write of the running release whose value does not fit would fail.",
    bad: "ALTER TABLE users ALTER COLUMN mail TYPE varchar(10);",
    good: "-- hitless: up users.mail = left(mail, 10)\nALTER TABLE users ALTER COLUMN mail TYPE varchar(10);",
    locks: { bad: "ACCESS EXCLUSIVE on users, O(n) rewrite", good: "ACCESS EXCLUSIVE on users, O(1)" },
    verdict: "refused",
  },
  {
    id: "retype-under-view",
    title: "Take a view away before the type of a column under it changes.",
    why: "PostgreSQL changes no column that a view reads.",
    bad: "ALTER TABLE users ALTER COLUMN name TYPE varchar;",
    good: "ALTER TABLE orders ALTER COLUMN id TYPE numeric;",
    locks: { bad: "PostgreSQL refuses it", good: "ACCESS EXCLUSIVE on orders, O(1)" },
    verdict: "refused",
  },
  {
    id: "exclude-constraint",
    title: "Do not add an exclusion constraint to a table that is in use.",
    why: "PostgreSQL builds it only under ACCESS EXCLUSIVE.",
    bad: "ALTER TABLE users ADD CONSTRAINT one EXCLUDE USING btree (mail WITH =);",
    good: "ALTER TABLE users ADD CONSTRAINT one UNIQUE (mail);",
    locks: { bad: "ACCESS EXCLUSIVE on users, O(n) index build", good: "ACCESS EXCLUSIVE on users, O(1)" },
    verdict: "refused",
  },
  {
    id: "rewrite",
    title: "Do not write a whole table anew.",
    why: "CLUSTER, VACUUM FULL and SET (UN)LOGGED hold ACCESS EXCLUSIVE for as long as that takes.",
    bad: "CLUSTER users USING users_pkey;",
    good: "VACUUM users;",
    locks: { bad: "ACCESS EXCLUSIVE on users, O(n) rewrite", good: "no lock that stops anybody" },
    verdict: "refused",
  },
  {
    id: "truncate",
    title: "Do not empty a table that the running release reads.",
    why: "TRUNCATE takes ACCESS EXCLUSIVE, and the rows are gone for the running release at once.",
    bad: "TRUNCATE orders;",
    good: "-- hitless: phase=contract\nDELETE FROM users WHERE price < 0;",
    locks: { bad: "ACCESS EXCLUSIVE on orders, O(n) rewrite", good: "no lock that stops anybody" },
    verdict: "refused",
  },
  {
    id: "cascade",
    title: "Never drop with CASCADE.",
    why: "It drops what nobody has named; PostgreSQL's refusal is the last fence for what is still used.",
    bad: "DROP TABLE orders CASCADE;",
    good: "DROP MATERIALIZED VIEW totals; DROP TABLE orders;",
    locks: { bad: "ACCESS EXCLUSIVE on orders, totals, O(1)", good: "ACCESS EXCLUSIVE on orders, totals, O(1)" },
    verdict: "refused",
  },
  {
    id: "enum-rename-value",
    title: "Add an enum value instead of renaming one.",
    why: "Statements of the running release that name the old value fail at once.",
    bad: "ALTER TYPE mood RENAME VALUE 'good' TO 'fine';",
    good: "ALTER TYPE mood ADD VALUE 'fine';",
    locks: { bad: "no lock that stops anybody", good: "no lock that stops anybody" },
    verdict: "refused",
  },
  {
    id: "domain-constraint",
    title: "Put checks on tables, not on domains.",
    why: "Each table with a column of the domain is read under SHARE, which stops its writers, also by VALIDATE.",
    bad: "ALTER DOMAIN amount ADD CONSTRAINT positive CHECK (VALUE > 0);",
    good: "ALTER TABLE orders ADD CONSTRAINT positive CHECK (sum > 0);",
    locks: { bad: "SHARE on orders, O(n) scan", good: "ACCESS EXCLUSIVE on orders, O(1)" },
    verdict: "refused",
  },
  {
    id: "rename",
    title: "Make a new type beside the old one instead of renaming it.",
    why: "Statements of the running release that name it fail at once.",
    bad: "ALTER TYPE mood RENAME TO feelings;",
    good: "CREATE TYPE feelings AS ENUM ('good');",
    locks: { bad: "no lock that stops anybody", good: "no lock that stops anybody" },
    verdict: "refused",
  },
  {
    id: "refresh",
    title: "Give a materialized view a unique index before it is refreshed.",
    why: "Without one, REFRESH stops its readers with ACCESS EXCLUSIVE.",
    bad: "REFRESH MATERIALIZED VIEW totals;",
    good: "REFRESH MATERIALIZED VIEW sums;",
    locks: { bad: "ACCESS EXCLUSIVE on totals, O(n) rewrite", good: "no lock that stops anybody" },
    verdict: "refused",
  },
  {
    id: "opaque-block",
    title: "Write statements, not DO blocks or calls.",
    why: "What a block does can only be seen by running it, so nobody can say whether it is safe.",
    bad: "DO $$ BEGIN EXECUTE 'DROP TABLE notes'; END $$;",
    good: "ALTER TABLE users ADD COLUMN age int;",
    locks: { bad: "ACCESS EXCLUSIVE on notes, O(1)", good: "ACCESS EXCLUSIVE on users, O(1)" },
    verdict: "refused",
  },
  {
    id: "rule",
    title: "Use triggers, not rules.",
    why: "A rule rewrites the statements of every release at once.",
    bad: "CREATE RULE quiet AS ON INSERT TO orders DO INSTEAD NOTHING;",
    good: "CREATE INDEX ON orders (user_id);",
    locks: { bad: "ACCESS EXCLUSIVE on orders, O(1)", good: "no lock that stops anybody" },
    verdict: "refused",
  },
  {
    id: "row-security",
    title: "Create policies before row security is enabled.",
    why: "Without a policy nobody but the owner sees a row.",
    bad: "ALTER TABLE users ENABLE ROW LEVEL SECURITY;",
    good: "CREATE POLICY everybody ON users USING (true);",
    locks: { bad: "ACCESS EXCLUSIVE on users, O(1)", good: "ACCESS EXCLUSIVE on users, O(1)" },
    verdict: "refused",
  },
  {
    id: "select-star",
    title: "Name the columns in functions that return a table.",
    why: "RETURN QUERY SELECT * fails for everybody with the next column that the table gets, the running release's calls included.",
    bad: "ALTER TABLE notes ADD COLUMN title text;",
    good: "ALTER TABLE orders ADD COLUMN title text;",
    locks: { bad: "ACCESS EXCLUSIVE on notes, O(1)", good: "ACCESS EXCLUSIVE on orders, O(1)" },
    verdict: "refused",
  },
  {
    id: "lock-table",
    title: "Leave locks to Hitless.",
    why: "LOCK TABLE stops the running release for as long as the migration takes.",
    bad: "LOCK TABLE users;",
    good: "ALTER TABLE users ADD COLUMN age int;",
    locks: { bad: "ACCESS EXCLUSIVE on users, O(1)", good: "ACCESS EXCLUSIVE on users, O(1)" },
    verdict: "refused",
  },
  {
    id: "rows-in-one-statement",
    title: "Change many rows by the key of one table.",
    why: "A join cannot be cut into batches, and one statement over a large table holds its row locks until it ends.",
    bad: "UPDATE users SET price = o.sum FROM orders o WHERE o.user_id = users.id;",
    good: "UPDATE users SET price = (SELECT max(o.sum) FROM orders o WHERE o.user_id = users.id);",
    locks: { bad: "no lock that stops anybody", good: "no lock that stops anybody" },
    verdict: "refused",
  },
  {
    id: "constraint-waits",
    title: "Know that constraints on old columns come with the contract.",
    why: "The running release may write what they forbid. Where it does not, `-- hitless: phase=expand` adds them before the release starts.",
    bad: "ALTER TABLE users ADD CONSTRAINT positive CHECK (price > 0);",
    good: "-- hitless: phase=expand\nALTER TABLE users ADD CONSTRAINT positive CHECK (price > 0);",
    locks: { bad: "ACCESS EXCLUSIVE on users, O(n) scan", good: "ACCESS EXCLUSIVE on users, O(1)" },
    verdict: "noticed",
  },
  {
    id: "foreign-key-index",
    title: "Index a foreign key before you add it.",
    why: "Deleting a row that is referred to reads the whole referring table.",
    bad: "ALTER TABLE orders ADD CONSTRAINT buyer FOREIGN KEY (user_id) REFERENCES users (id);",
    good: "ALTER TABLE users ADD CONSTRAINT own FOREIGN KEY (id) REFERENCES orders (id);",
    locks: {
      bad: "SHARE ROW EXCLUSIVE on orders, O(n) scan; SHARE ROW EXCLUSIVE on users, O(1)",
      good: "SHARE ROW EXCLUSIVE on orders, users, O(1)",
    },
    verdict: "noticed",
  },
  {
    id: "hidden-routine",
    title: "Change routines that are found without their schema.",
    why: "A release has its own form of a routine in a schema that its search_path looks into first; a call of `archive.next()` goes past it.",
    bad: "CREATE OR REPLACE FUNCTION archive.next() RETURNS int LANGUAGE sql AS 'SELECT 2';",
    good: "CREATE FUNCTION archive.one_more() RETURNS int LANGUAGE sql AS 'SELECT 2';",
    locks: { bad: "no lock that stops anybody", good: "no lock that stops anybody" },
    verdict: "refused",
  },
  {
    id: "hidden-table",
    title: "Change tables that are found without their schema.",
    why: "A release sees a table in its own way through a view that its search_path finds first; `archive.letters` goes past it. Tables in the search_path of the application's role are found, whatever their schema.",
    bad: "ALTER TABLE archive.letters RENAME COLUMN body TO words;",
    good: "ALTER TABLE archive.letters ADD COLUMN words text;",
    locks: { bad: "ACCESS EXCLUSIVE on archive.letters, O(1)", good: "ACCESS EXCLUSIVE on archive.letters, O(1)" },
    verdict: "refused",
  },
  {
    id: "seen-through-view",
    title: "Know what a view cannot do.",
    why: "A table that is renamed, retyped or has lost a column is a view for the new release until the contract.",
    bad: "ALTER TABLE users RENAME COLUMN mail TO address;",
    good: "ALTER TABLE users ADD COLUMN address text;",
    locks: { bad: "ACCESS EXCLUSIVE on users, O(1)", good: "ACCESS EXCLUSIVE on users, O(1)" },
    verdict: "noticed",
  },
  {
    id: "select-star",
    title: "Name columns in procedures.",
    why: "RETURN QUERY SELECT * fails as soon as a column is added (42804).",
    bad: "CREATE FUNCTION everybody() RETURNS SETOF users LANGUAGE sql AS $$ SELECT * FROM users $$;",
    good: "CREATE FUNCTION everybody() RETURNS SETOF bigint LANGUAGE sql AS $$ SELECT id FROM users $$;",
    locks: { bad: "no lock that stops anybody", good: "no lock that stops anybody" },
    verdict: "noticed",
  },
  {
    id: "insert-without-columns",
    title: "Name the columns of an INSERT.",
    why: "Another column, or another order of them, gives values to the wrong ones.",
    bad: "CREATE FUNCTION add() RETURNS void LANGUAGE sql AS $$ INSERT INTO orders VALUES (1, 2, 3) $$;",
    good: "CREATE FUNCTION add() RETURNS void LANGUAGE sql AS $$ INSERT INTO orders (id) VALUES (1) $$;",
    locks: { bad: "no lock that stops anybody", good: "no lock that stops anybody" },
    verdict: "noticed",
  },
  {
    id: "dynamic-sql",
    title: "Avoid SQL that is put together at run time.",
    why: "Nothing can be said about it before it runs.",
    bad: "CREATE FUNCTION run(q text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE q; END $$;",
    good: "CREATE FUNCTION run() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; END $$;",
    locks: { bad: "no lock that stops anybody", good: "no lock that stops anybody" },
    verdict: "noticed",
  },
  {
    id: "unpinned-definer",
    title: "Pin the search path of SECURITY DEFINER routines.",
    why: "Otherwise their caller decides what their names mean. Hitless gives each release a copy with its own overlay in the path.",
    bad: "CREATE FUNCTION own() RETURNS int LANGUAGE sql SECURITY DEFINER AS $$ SELECT 1 $$;",
    good: "CREATE FUNCTION own() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$ SELECT 1 $$;",
    locks: { bad: "no lock that stops anybody", good: "no lock that stops anybody" },
    verdict: "noticed",
  },
  {
    id: "enum-value",
    title: "Write a new enum value only when no old release reads it.",
    why: "The running release may read a value that it does not know.",
    bad: "ALTER TYPE mood ADD VALUE 'bad';",
    good: "ALTER TABLE users ADD COLUMN age int;",
    locks: { bad: "no lock that stops anybody", good: "ACCESS EXCLUSIVE on users, O(1)" },
    verdict: "noticed",
  },
  {
    id: "generated-column",
    title: "Know that a stored generated column becomes one that a trigger computes.",
    why: "Adding it as GENERATED … STORED would write the whole table anew.",
    bad: "ALTER TABLE users ADD COLUMN double int GENERATED ALWAYS AS (price * 2) STORED;",
    good: "ALTER TABLE users ADD COLUMN double int;",
    locks: { bad: "ACCESS EXCLUSIVE on users, O(n) rewrite", good: "ACCESS EXCLUSIVE on users, O(1)" },
    verdict: "noticed",
  },
];

/** The document for a team, in Markdown. */
export function guidelinesDocument(): string {
  const entry = ({ id, title, why, bad, good, locks, verdict }: Rule): string =>
    `## ${id}\n\n${title} ${why}\n\n${verdict === "refused" ? "Stops the deployment." : "Is said in the plan."}\n\n\`\`\`sql\n-- instead of\n${bad}\n-- write\n${good}\n\`\`\`\n\nLocks: ${locks.bad}; instead: ${locks.good}.\n`;
  return [
    "# SQL guidelines",
    "",
    "Made by `hitless db guidelines` from the rules that the planner judges by. What is not here needs no care: indexes are built",
    "CONCURRENTLY, constraints are added NOT VALID and validated beside the traffic, columns are renamed and retyped behind views and kept",
    "in step, and rows are changed in batches.",
    "",
    "Locks are those that stop readers or writers, measured on PostgreSQL 18: of the first example as it stands, and of all the steps that Hitless",
    "makes of the second one. What is O(n) takes longer the larger the table is; O(1) is a moment, for which Hitless waits so that nobody queues behind it.",
    "",
    ...RULES.map(entry),
  ].join("\n");
}
