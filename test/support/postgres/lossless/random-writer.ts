import type pg from "pg";
import type { Rng } from "../../../../src/base/rng.ts";
import type { Row, Side, SideColumn, Value } from "./table-change.ts";
import type { TableModel } from "./table-model.ts";

/** An application of one release, over one connection. */
export interface Writer {
  readonly name: string;
  readonly side: Side;
  readonly client: pg.Client;
  /** What its release calls the table, and the column by which it finds a row. */
  readonly table: string;
  readonly key: string;
}

interface Turn {
  readonly writer: Writer;
  readonly model: TableModel;
  readonly rng: Rng;
  /** The database numbers new rows. */
  readonly numbered: boolean;
}

interface Written {
  readonly sql: string;
  /** What it does to the model; `id`: the key that the database gave, if any. */
  readonly apply: (id: number) => void;
}

/** With fewer rows than these, only new ones are written. */
const FEW = 4;
/** Keys that a client chooses lie above those that the database gives. */
const CHOSEN = 1_000;

const literal = (value: Value): string => (value === null ? "NULL" : typeof value === "number" ? String(value) : `'${value}'`);

/** One statement as applications write them, in the database and in the model. Gives its text. */
export async function writeOnce(turn: Turn): Promise<string> {
  const { writer, model, rng } = turn;
  const write = model.ids.length < FEW ? insert : rng.pick([insert, update, update, update, updateSeveral, upsert, move, remove]);
  const { sql, apply } = write(turn);
  const { rows } = await writer.client.query<{ id: number | string }>(sql).catch((error: unknown) => {
    throw new Error(`${String(error)} in ${writer.name}: ${sql}`, { cause: error });
  });
  apply(Number(rows[0]?.id));
  return `${writer.name}: ${sql}`;
}

function insert({ writer: { side, table, key }, model, rng, numbered }: Turn): Written {
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

function update({ writer: { side, table, key }, model, rng }: Turn): Written {
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

function updateSeveral({ writer: { side, table, key }, model, rng }: Turn): Written {
  const from = anyOf(rng, model.ids);
  const column = anyOf(rng, model.columns(side));
  const row = { [column.name]: column.draw(rng) };
  return {
    sql: `UPDATE ${table} SET ${settings(row).join(", ")} WHERE ${key} >= ${String(from)}`,
    apply: () => {
      for (const id of model.ids.filter((one) => one >= from)) model.update(side, id, row);
    },
  };
}

function upsert({ writer: { side, table, key }, model, rng, numbered }: Turn): Written {
  const id = anyOf(rng, numbered ? model.ids : [...model.ids, free(model)]);
  const row = drawn(rng, model.columns(side), ({ absent }) => absent === undefined || rng.chance(0.5));
  const names = Object.keys(row);
  const action =
    names.length === 0 ? "DO NOTHING" : `DO UPDATE SET ${names.map((name) => `${name} = EXCLUDED.${name}`).join(", ")}`;
  return {
    sql: `INSERT INTO ${table} (${[key, ...names].join(", ")}) VALUES (${listed({ [key]: id, ...row })}) ON CONFLICT (${key}) ${action}`,
    apply: () => {
      if (model.ids.includes(id)) model.update(side, id, row);
      else model.insert(side, id, row);
    },
  };
}

function move({ writer: { table, key }, model, rng }: Turn): Written {
  const [id, to] = [anyOf(rng, model.ids), free(model)];
  return {
    sql: `UPDATE ${table} SET ${key} = ${String(to)} WHERE ${key} = ${String(id)}`,
    apply: () => {
      model.move(id, to);
    },
  };
}

function remove({ writer: { table, key }, model, rng }: Turn): Written {
  const id = anyOf(rng, model.ids);
  return {
    sql: `DELETE FROM ${table} WHERE ${key} = ${String(id)}`,
    apply: () => {
      model.delete(id);
    },
  };
}

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
