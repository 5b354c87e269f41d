/** Hitless' own memory in the application's database. Every statement may run again. */
export const JOURNAL_SCHEMA = `
CREATE SCHEMA IF NOT EXISTS hitless;
CREATE TABLE IF NOT EXISTS hitless.runners (app text PRIMARY KEY, token bigint NOT NULL);
CREATE TABLE IF NOT EXISTS hitless.change_sets (
  app text NOT NULL, release int NOT NULL, state text NOT NULL, plan jsonb NOT NULL, changed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (app, release));
ALTER TABLE hitless.change_sets ADD COLUMN IF NOT EXISTS kept_until timestamptz;
CREATE TABLE IF NOT EXISTS hitless.migrations (
  app text NOT NULL, version text NOT NULL, name text NOT NULL, checksum text NOT NULL, release int NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (app, version));
CREATE TABLE IF NOT EXISTS hitless.actions (
  app text NOT NULL, release int NOT NULL, action text NOT NULL, state text NOT NULL, cursor jsonb, changed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (app, release, action));
ALTER TABLE hitless.actions ADD COLUMN IF NOT EXISTS record jsonb;
CREATE TABLE IF NOT EXISTS hitless.stretches (
  app text NOT NULL, release int NOT NULL, action text NOT NULL, part int NOT NULL, stretch jsonb NOT NULL,
  batches bigint NOT NULL DEFAULT 0, changed_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (app, release, action, part));
CREATE OR REPLACE FUNCTION hitless.fence(of_app text, held bigint) RETURNS void LANGUAGE plpgsql AS $fence$
BEGIN
  PERFORM FROM hitless.runners WHERE app = of_app AND token = held FOR SHARE;
  IF NOT FOUND THEN RAISE EXCEPTION 'a newer runner has taken over' USING ERRCODE = 'HL001'; END IF;
END $fence$;
`;

/** SQL for one boolean: all of it is there. */
export const JOURNAL_IS_THERE = `SELECT to_regclass('hitless.stretches') IS NOT NULL AND EXISTS (
  SELECT FROM pg_attribute WHERE attrelid = to_regclass('hitless.change_sets') AND attname = 'kept_until') AS there`;

/** SQLSTATE of \`hitless.fence\`. */
export const STALE = "HL001";
