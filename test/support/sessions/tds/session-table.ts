import { DELETE_ROWS, SQL } from "../../../../src/sessions/store/mssql-sql.ts";
import type { Statement } from "./rpc.ts";
import type { Result } from "./tokens.ts";

interface Row {
  readonly data: string;
  readonly expiresAt: number;
}
type Parameters = Statement["parameters"];

const NONE: Result = { columns: {}, rows: [], count: 0 };
/** The key of the table has so many characters. */
const ID_CHARACTERS = 450;

/** The table of sessions as SQL Server would keep it: knows the statements of `mssql-sql.ts` word for word, and no others. */
export class SessionTable {
  #rows: Map<string, Row> | null = null;

  /** @throws with the number and text of the error that SQL Server gives */
  run({ sql, parameters }: Statement): Result {
    const name = (Object.keys(SQL) as (keyof typeof SQL)[]).find((key) => SQL[key] === sql);
    if (name === undefined) throw new SqlError(102, `Incorrect syntax near '${sql.slice(0, 40)}'.`);
    return this.#statements[name](parameters);
  }

  readonly #statements: Readonly<Record<keyof typeof SQL, (parameters: Parameters) => Result>> = {
    present: () => result({ present: "number" }, [{ present: this.#rows === null ? 0 : 1 }]),
    create: () => {
      this.#rows ??= new Map();
      return NONE;
    },
    get: (parameters) => {
      const row = this.#living().get(text(parameters, "id"));
      return result({ data: "text" }, row === undefined ? [] : [{ data: row.data }]);
    },
    set: (parameters) => {
      const id = text(parameters, "id");
      if (id.length > ID_CHARACTERS)
        throw new SqlError(2628, "String or binary data would be truncated in table 'hitless_sessions', column 'id'.");
      this.#table().set(id, { data: text(parameters, "data"), expiresAt: Date.now() + Number(parameters.get("ttl")) });
      return changed(1);
    },
    add: (parameters) => {
      const id = text(parameters, "id");
      if (this.#living().has(id)) return changed(0);
      this.#table().set(id, { data: text(parameters, "data"), expiresAt: Date.now() + Number(parameters.get("ttl")) });
      return changed(1);
    },
    touch: (parameters) => {
      const id = text(parameters, "id");
      const row = this.#living().get(id);
      if (row === undefined) return changed(0);
      this.#table().set(id, { ...row, expiresAt: Date.now() + Number(parameters.get("ttl")) });
      return changed(1);
    },
    remove: (parameters) => changed(this.#table().delete(text(parameters, "id")) ? 1 : 0),
    ids: (parameters) =>
      result(
        { id: "text" },
        [...this.#living().keys()].filter(like(text(parameters, "pattern"))).map((id) => ({ id })),
      ),
    read: (parameters) => {
      const wanted = JSON.parse(text(parameters, "ids")) as string[];
      const living = this.#living();
      const rows = wanted.flatMap((id) => {
        const row = living.get(id);
        return row === undefined ? [] : [{ id, data: row.data, ttl: row.expiresAt - Date.now() }];
      });
      return result({ id: "text", data: "text", ttl: "number" }, rows);
    },
    size: () => {
      const bytes = [...this.#table()].reduce((sum, [id, { data }]) => sum + 2 * (id.length + data.length), 0);
      return result({ bytes: "number" }, [{ bytes }]);
    },
    clear: (parameters) => this.#delete(like(text(parameters, "pattern"))),
    sweep: () => {
      const living = this.#living();
      return this.#delete((id) => !living.has(id));
    },
  };

  #table(): Map<string, Row> {
    if (this.#rows === null) throw new SqlError(208, "Invalid object name 'hitless_sessions'.");
    return this.#rows;
  }

  #living(): Map<string, Row> {
    return new Map([...this.#table()].filter(([, { expiresAt }]) => expiresAt > Date.now()));
  }

  #delete(which: (id: string) => boolean): Result {
    const ids = [...this.#table().keys()].filter(which).slice(0, DELETE_ROWS);
    for (const id of ids) this.#table().delete(id);
    return changed(ids.length);
  }
}

export class SqlError extends Error {
  readonly number: number;

  constructor(number: number, message: string) {
    super(message);
    this.number = number;
  }
}

function text(parameters: Parameters, name: string): string {
  return String(parameters.get(name));
}

/** `prefix%`, with \ before what is meant as it is. */
function like(pattern: string): (id: string) => boolean {
  const prefix = pattern.slice(0, -1).replace(/\\(.)/gu, "$1");
  return (id) => id.startsWith(prefix);
}

function result(columns: Result["columns"], rows: Result["rows"]): Result {
  return { columns, rows, count: rows.length };
}

function changed(count: number): Result {
  return { ...NONE, count };
}
