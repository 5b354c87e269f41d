import type pg from "pg";
import type { Rng } from "../../../../src/base/rng.ts";
import type { Row, Side, SideColumn, Value } from "./table-change.ts";
import type { TableModel } from "./table-model.ts";

/** An application of one release, over one connection. */
export interface Writer {
  readonly name: string;
  readonly side: Side;
  readonly client: pg.Client;
  /** What its release calls the table. */
  readonly table: string;
}

interface Turn {
  readonly writer: Writer;
  readonly model: TableModel;
  readonly rng: Rng;
}

/** With fewer rows than these, only new ones are written. */
const FEW = 4;

const literal = (value: Value): string => (value === null ? "NULL" : typeof value === "number" ? String(value) : `'${value}'`);

/** One statement as applications write them, in the database and in the model. Gives its text. */
export async function writeOnce(turn: Turn): Promise<string> {
  const { writer, model, rng } = turn;
  const write = model.ids.length < FEW ? insert : rng.pick([insert, update, update, update, updateSeveral, upsert, remove]);
  const sql = write(turn);
  await writer.client.query(sql).catch((error: unknown) => {
    throw new Error(`${String(error)} in ${writer.name}: ${sql}`, { cause: error });
  });
  return `${writer.name}: ${sql}`;
}

function insert({ writer: { side, table }, model, rng }: Turn): string {
  const id = 1 + Math.max(0, ...model.ids);
  const row = drawn(rng, model.columns(side), (column) => column.absent === undefined || rng.chance(0.6));
  model.insert(side, id, row);
  return `INSERT INTO ${table} (${["id", ...Object.keys(row)].join(", ")}) VALUES (${[id, ...Object.values(row)].map(literal).join(", ")})`;
}

function update({ writer: { side, table }, model, rng }: Turn): string {
  const columns = model.columns(side);
  const id = anyOf(rng, model.ids);
  const row = drawn(rng, columns, () => rng.chance(0.4));
  // As an ORM does that writes the whole row back.
  const untouched = rng.chance(0.4) ? columns.filter(({ name }) => !(name in row)).map(({ name }) => `${name} = ${name}`) : [];
  model.update(side, id, row);
  return `UPDATE ${table} SET ${[...settings(row), ...untouched, "id = id"].join(", ")} WHERE id = ${String(id)}`;
}

function updateSeveral({ writer: { side, table }, model, rng }: Turn): string {
  const from = anyOf(rng, model.ids);
  const column = anyOf(rng, model.columns(side));
  const row = { [column.name]: column.draw(rng) };
  for (const id of model.ids.filter((one) => one >= from)) model.update(side, id, row);
  return `UPDATE ${table} SET ${settings(row).join(", ")} WHERE id >= ${String(from)}`;
}

function upsert({ writer: { side, table }, model, rng }: Turn): string {
  const id = anyOf(rng, [...model.ids, 1 + Math.max(0, ...model.ids)]);
  const row = drawn(rng, model.columns(side), ({ absent }) => absent === undefined || rng.chance(0.5));
  const names = Object.keys(row);
  if (model.ids.includes(id)) model.update(side, id, row);
  else model.insert(side, id, row);
  const action =
    names.length === 0 ? "DO NOTHING" : `DO UPDATE SET ${names.map((name) => `${name} = EXCLUDED.${name}`).join(", ")}`;
  return `INSERT INTO ${table} (${["id", ...names].join(", ")}) VALUES (${[id, ...Object.values(row)].map(literal).join(", ")}) ON CONFLICT (id) ${action}`;
}

function remove({ writer: { table }, model, rng }: Turn): string {
  const id = anyOf(rng, model.ids);
  model.delete(id);
  return `DELETE FROM ${table} WHERE id = ${String(id)}`;
}

const settings = (row: Row): string[] => Object.entries(row).map(([name, value]) => `${name} = ${literal(value)}`);

function drawn(rng: Rng, columns: readonly SideColumn[], chosen: (column: SideColumn) => boolean): Row {
  return Object.fromEntries(columns.filter(chosen).map(({ name, draw }) => [name, draw(rng)]));
}

function anyOf<T>(rng: Rng, items: readonly T[]): T {
  const item = items[rng.between(0, items.length - 1)];
  if (item === undefined) throw new Error("there is nothing to choose from");
  return item;
}
