import { ident, literal, qualified, type ObjectName } from "../../../database/names.ts";
import type { Action } from "../../../database/plan/action.ts";
import type { CopyObject } from "../../../database/shadow/copy.ts";
import type { Prepared, Shadow, ShadowFailure, ShadowRun, Viewpoint } from "../../../ports/shadow.ts";
import { messageOf } from "../connection.ts";
import type { Queryable } from "../queryable.ts";
import { measure } from "./measure.ts";

/** A database of its own, on whichever PostgreSQL. */
export class CopyDatabase implements Shadow {
  readonly about: string;
  readonly #database: Queryable;
  readonly #close: () => Promise<void>;

  constructor(database: Queryable, { about, close }: { about: string; close: () => Promise<void> }) {
    this.#database = database;
    this.about = about;
    this.#close = close;
  }

  async make(objects: readonly CopyObject[]): Promise<readonly { readonly what: string; readonly why: string }[]> {
    await this.#database.query("SET check_function_bodies = off");
    let open = objects;
    let failed: { object: CopyObject; why: string }[] = [];
    do {
      failed = [];
      for (const object of open) {
        const failure = await this.#try([object.sql]);
        if (failure !== null && object.what !== null) failed.push({ object, why: failure.message });
      }
      if (failed.length === open.length) break;
      open = failed.map(({ object }) => object);
    } while (open.length > 0);
    await this.#database.query("RESET check_function_bodies");
    return failed.map(({ object, why }) => ({ what: object.what ?? "", why }));
  }

  async run({ run }: Action): Promise<ShadowRun> {
    if (run.kind === "alone") {
      const failure = await this.#try([run.sql]);
      if (failure !== null && run.repair !== undefined && "sql" in run.repair) await this.#try([run.repair.sql]);
      return failure ?? { kind: "ran", measured: null };
    }
    const sql = run.kind === "transaction" ? run.sql : [backfillSql(run.backfill)];
    let at = -1;
    try {
      await this.#database.query("BEGIN");
      const measured = await measure(this.#database, async () => {
        for (const statement of sql) {
          at += 1;
          await this.#database.query(statement);
        }
      });
      await this.#database.query("COMMIT");
      return { kind: "ran", measured };
    } catch (error) {
      await this.#database.query("ROLLBACK");
      return { ...failureOf(error), ...(at < 0 ? {} : { statement: at }) };
    }
  }

  async empty(): Promise<void> {
    const tables = await this.#database.query<{ name: string }>(TABLES);
    if (tables.length > 0) await this.#database.query(`TRUNCATE ${tables.map(({ name }) => name).join(", ")}`);
  }

  async prepare(sql: string, as: Viewpoint): Promise<Prepared> {
    const isCall = /^\s*CALL\b/i.test(sql);
    try {
      await this.#database.query(asViewpoint(as));
      if (isCall) {
        await this.#database.query(sql.replace(/\$\d+/g, "NULL"));
        return { kind: "prepared", result: null };
      }
      await this.#database.query(`PREPARE hitless_statement AS ${sql}`);
      return { kind: "prepared", result: await this.#resultTypes() };
    } catch (error) {
      const failure = failureOf(error);
      // What a body does with nulls says nothing; that a name or a type is not there does.
      return isCall && !failure.code.startsWith("42") ? { kind: "prepared", result: null } : failure;
    } finally {
      await this.#database.query("ROLLBACK");
      await this.#database.query("DEALLOCATE ALL");
    }
  }

  columns(relation: ObjectName): Promise<readonly { readonly name: string; readonly type: string }[]> {
    return this.#database.query<{ name: string; type: string }>(columnsOf(relation));
  }

  async write(sql: readonly string[], as: Viewpoint): Promise<(ShadowFailure & { readonly where: string }) | null> {
    try {
      await this.#database.query(asViewpoint(as));
      for (const statement of sql) await this.#database.query(statement);
      return null;
    } catch (error) {
      const { where } = error as { readonly where?: unknown };
      return { ...failureOf(error), where: typeof where === "string" ? where : "" };
    } finally {
      await this.#database.query("ROLLBACK");
    }
  }

  async checkRoutines(as: Viewpoint): Promise<readonly { readonly routine: string; readonly message: string }[] | null> {
    if ((await this.#try(["CREATE EXTENSION IF NOT EXISTS plpgsql_check"])) !== null) return null;
    try {
      await this.#database.query(asViewpoint(as));
      return await this.#database.query<{ routine: string; message: string }>(CHECK_ROUTINES);
    } finally {
      await this.#database.query("ROLLBACK");
    }
  }

  close(): Promise<void> {
    return this.#close();
  }

  async #resultTypes(): Promise<readonly string[] | null> {
    const [version] = await this.#database.query<{ known: boolean }>(
      "SELECT current_setting('server_version_num')::int >= 160000 AS known",
    );
    if (version?.known !== true) return null;
    const [row] = await this.#database.query<{ types: readonly string[] | null }>(
      "SELECT to_json(result_types::text[]) AS types FROM pg_prepared_statements WHERE name = 'hitless_statement'",
    );
    return row?.types ?? [];
  }

  async #try(sql: readonly string[]): Promise<ShadowFailure | null> {
    try {
      for (const statement of sql) await this.#database.query(statement);
      return null;
    } catch (error) {
      return failureOf(error);
    }
  }
}

const TABLES = `
  SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

const columnsOf = (relation: ObjectName): string => `
  SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
  WHERE attrelid = to_regclass(${literal(qualified(relation))}) AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity <> 'a' ORDER BY attnum`;

const CHECK_ROUTINES = `
  SELECT p.oid::regprocedure::text AS routine, c.message
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
  CROSS JOIN LATERAL plpgsql_check_function_tb(p.oid, fatal_errors := false, other_warnings := false, extra_warnings := false,
    performance_warnings := false) c
  WHERE l.lanname = 'plpgsql' AND n.nspname = ANY (current_schemas(false)) AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
    AND pg_function_is_visible(p.oid) AND c.level = 'error' ORDER BY 1`;

function asViewpoint({ app, release, searchPath }: Viewpoint): string {
  return [
    "BEGIN",
    `SET LOCAL search_path = ${searchPath.map(ident).join(", ")}`,
    `SET LOCAL hitless.app = ${literal(app)}`,
    `SET LOCAL hitless.release = ${literal(`r${String(release)}`)}`,
  ].join("; ");
}

function backfillSql({ table, set, where, delete: deletes }: Extract<Action["run"], { kind: "backfill" }>["backfill"]): string {
  return deletes === true ? `DELETE FROM ${table} WHERE ${where}` : `UPDATE ${table} SET ${set} WHERE ${where}`;
}

function failureOf(error: unknown): ShadowFailure {
  const code = (error as { code?: unknown } | null)?.code;
  return {
    kind: "failed",
    code: typeof code === "string" ? code : "",
    message: [messageOf(error), ...dependents(error)].join("; "),
  };
}

/** "Other objects depend on it": which. */
function dependents(error: unknown): readonly string[] {
  const { code, detail } = (error ?? {}) as { readonly code?: unknown; readonly detail?: unknown };
  return code === "2BP01" && typeof detail === "string" ? detail.split("\n").slice(0, DEPENDENTS_NAMED) : [];
}

const DEPENDENTS_NAMED = 3;
