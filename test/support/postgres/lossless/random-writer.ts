import type pg from "pg";
import type { Rng } from "../../../../src/base/rng.ts";
import type { Seat } from "./live-table.ts";
import type { Row, SideColumn, Value } from "./table-change.ts";
import type { TableModel } from "./table-model.ts";

/** An application of one release, over one connection. */
export interface Writer {
  /** null: it does not say of which release it is. */
  readonly release: number | null;
  readonly client: pg.Client;
}

export const nameOf = ({ release }: Writer): string => (release === null ? "somebody" : `r${String(release)}`);

interface Turn {
  readonly writer: Writer;
  readonly seat: Seat;
  readonly model: TableModel;
  readonly rng: Rng;
  /** The database numbers new rows. */
  readonly numbered: boolean;
}

interface Written {
  readonly sql: string;
  /** What it does to the model; `id`: the key that the database gave, if any. */
  readonly apply: (id: number) => void;
  /** What it must have answered, asked after it was applied; none: it does not matter. */
  readonly answer?: (() => Value | undefined) | undefined;
}

type Write = (turn: Turn) => Written;

/** With fewer rows than these, only new ones are written. */
const FEW = 4;
/** Keys that a client chooses lie above those that the database gives. */
const CHOSEN = 1_000;

const literal = (value: Value): string => (value === null ? "NULL" : typeof value === "number" ? String(value) : `'${value}'`);

/** One statement as applications write them, in the database and in the model. Gives its text. */
export async function writeOnce(turn: Turn): Promise<string> {
  const { writer, model, rng } = turn;
  const write = model.ids.length < FEW ? insert : rng.pick(ANY);
  const { sql, apply, answer } = write(turn);
  const result: unknown = await writer.client.query(sql).catch((error: unknown) => {
    throw new Error(`${String(error)} in ${nameOf(writer)}: ${sql}`, { cause: error });
  });
  // The results of two statements are a list.
  const rows = Array.isArray(result) ? [] : (result as pg.QueryResult<{ id: number | string; given?: Value }>).rows;
  apply(Number(rows[0]?.id));
  const wanted = answer?.();
  const given = rows[0]?.given ?? null;
  if (wanted !== undefined && (given === null ? null : Number(given)) !== wanted)
    throw new Error(`${nameOf(writer)} got ${String(given)} and not ${String(wanted)}: ${sql}`);
  return `${nameOf(writer)}: ${sql}`;
}

function insert({ seat: { side, table, key }, model, rng, numbered }: Turn): Written {
  const row = drawn(rng, model.columns(side), (column) => column.absent === undefined || rng.chance(0.6));
  const given = numbered ? row : { [key]: free(model), ...row };
  const names = Object.keys(given);
  const values = names.length === 0 ? "DEFAULT VALUES" : `(${names.join(", ")}) VALUES (${listed(given)})`;
  return {
    sql: `INSERT INTO ${table} ${values} RETURNING ${key} AS id`,
    apply: (id) => {
      model.insert(side, id, row);
    },
  };
}

function update({ seat: { side, table, key }, model, rng }: Turn): Written {
  const columns = model.columns(side);
  const id = anyOf(rng, model.ids);
  const row = drawn(rng, columns, () => rng.chance(0.4));
  // As an ORM does that writes the whole row back.
  const untouched = rng.chance(0.4) ? columns.filter(({ name }) => !(name in row)).map(({ name }) => `${name} = ${name}`) : [];
  const set = [...settings(row), ...untouched, `${key} = ${key}`];
  return {
    sql: `UPDATE ${table} SET ${set.join(", ")} WHERE ${key} = ${String(id)}`,
    apply: () => {
      model.update(side, id, row);
    },
  };
}

function updateSeveral({ seat: { side, table, key }, model, rng }: Turn): Written {
  const from = anyOf(rng, model.ids);
  const column = anyOf(
    rng,
    model.columns(side).filter(({ distinct }) => distinct !== true),
  );
  const row = { [column.name]: column.draw(rng) };
  return {
    sql: `UPDATE ${table} SET ${settings(row).join(", ")} WHERE ${key} >= ${String(from)}`,
    apply: () => {
      for (const id of model.ids.filter((one) => one >= from)) model.update(side, id, row);
    },
  };
}

function upsert({ seat: { side, table, key }, model, rng, numbered }: Turn): Written {
  const id = anyOf(rng, numbered ? model.ids : [...model.ids, free(model)]);
  const row = drawn(rng, model.columns(side), ({ absent }) => absent === undefined || rng.chance(0.5));
  const names = Object.keys(row);
  const action =
    names.length === 0 ? "DO NOTHING" : `DO UPDATE SET ${names.map((name) => `${name} = EXCLUDED.${name}`).join(", ")}`;
  return {
    sql: `INSERT INTO ${table} (${[key, ...names].join(", ")}) VALUES (${listed({ [key]: id, ...row })}) ON CONFLICT (${key}) ${action}`,
    apply: () => {
      if (model.ids.includes(id)) model.upsert(side, id, row);
      else model.insert(side, id, row);
    },
  };
}

/** By a column of which no two rows have the same. */
function upsertByValue(turn: Turn): Written {
  const { seat, model, rng, numbered } = turn;
  const { side, table, key } = seat;
  const unique = model.columns(side).filter(({ unique: is }) => is === true);
  const known = unique.flatMap(({ name }) =>
    model.rows(side).flatMap((row) => (row[name] === null ? [] : [[name, row] as const])),
  );
  if (known.length === 0) return upsert(turn);
  const [column, conflicting] = anyOf(rng, known);
  const row = drawn(
    rng,
    model.columns(side).filter(({ name }) => name !== column),
    ({ absent }) => absent === undefined || rng.chance(0.5),
  );
  const given = { ...(numbered ? {} : { [key]: free(model) }), [column]: conflicting[column] ?? null, ...row };
  const names = Object.keys(row);
  const set = names.length === 0 ? "NOTHING" : `UPDATE SET ${names.map((name) => `${name} = EXCLUDED.${name}`).join(", ")}`;
  return {
    sql: `INSERT INTO ${table} (${Object.keys(given).join(", ")}) VALUES (${listed(given)}) ON CONFLICT (${column}) DO ${set}`,
    apply: () => {
      model.upsert(side, Number(conflicting["id"]), row);
    },
  };
}

function call(turn: Turn): Written {
  const { seat, model, rng } = turn;
  const { side, routine } = seat;
  if (routine === null) return update(turn);
  const { column, shift } = routine;
  const id = anyOf(rng, model.ids);
  const value =
    model
      .columns(side)
      .find(({ name }) => name === column)
      ?.draw(rng) ?? null;
  const given = value === null ? null : Number(value);
  return {
    sql: routine.call(id, given),
    apply: () => {
      model.update(side, id, { [column]: given === null ? null : given + shift });
    },
    answer: () => {
      if (!routine.answers || model.doubts(side, column)) return undefined;
      return model.rows(side).find((row) => row["id"] === id)?.[column] ?? null;
    },
  };
}

/** What a row refers to goes, and comes again. */
function removeParent(turn: Turn): Written {
  const { seat, model, rng } = turn;
  const { side } = seat;
  const referring = model.columns(side).flatMap(({ name, parent }) => (parent === undefined ? [] : [{ name, parent }]));
  if (referring.length === 0) return remove(turn);
  const { name, parent } = anyOf(rng, referring);
  const number = rng.between(0, 9);
  return {
    sql: `DELETE FROM ${parent.table} WHERE id = ${String(number)}; INSERT INTO ${parent.table} VALUES (${String(number)})`,
    apply: () => {
      const gone = model.rows(side).filter((row) => row[name] === number);
      for (const { id } of gone) {
        if (parent.removes === "row") model.delete(Number(id));
        else model.update(side, Number(id), { [name]: null });
      }
    },
  };
}

function move({ seat: { table, key }, model, rng }: Turn): Written {
  const [id, to] = [anyOf(rng, model.ids), free(model)];
  return {
    sql: `UPDATE ${table} SET ${key} = ${String(to)} WHERE ${key} = ${String(id)}`,
    apply: () => {
      model.move(id, to);
    },
  };
}

function remove({ seat: { table, key }, model, rng }: Turn): Written {
  const id = anyOf(rng, model.ids);
  return {
    sql: `DELETE FROM ${table} WHERE ${key} = ${String(id)}`,
    apply: () => {
      model.delete(id);
    },
  };
}

const ANY: readonly [Write, ...Write[]] = [
  insert,
  update,
  update,
  update,
  updateSeveral,
  upsert,
  upsertByValue,
  call,
  call,
  move,
  remove,
  removeParent,
];

const free = (model: TableModel): number => 1 + Math.max(CHOSEN, ...model.ids);
const listed = (row: Row): string => Object.values(row).map(literal).join(", ");
const settings = (row: Row): string[] => Object.entries(row).map(([name, value]) => `${name} = ${literal(value)}`);

function drawn(rng: Rng, columns: readonly SideColumn[], chosen: (column: SideColumn) => boolean): Row {
  return Object.fromEntries(columns.filter(chosen).map(({ name, draw }) => [name, draw(rng)]));
}

function anyOf<T>(rng: Rng, items: readonly T[]): T {
  const item = items[rng.between(0, items.length - 1)];
  if (item === undefined) throw new Error("there is nothing to choose from");
  return item;
}
