import type { Rng } from "../../../../src/base/rng.ts";
import { DIFFERING, DROPPED, KEEPING } from "./column-changes.ts";
import { COMPUTED } from "./computed-changes.ts";
import { randomKey, type RowKey } from "./row-key.ts";
import { number, same, type MakeChange, type Side, type TableChange } from "./table-change.ts";

/** A table with the migration that changes it. */
export interface RandomTable {
  readonly create: string;
  readonly migration: string;
  readonly key: RowKey;
  readonly changes: readonly TableChange[];
  readonly names: Readonly<Record<Side, string>>;
}

const FAMILIES: readonly (readonly MakeChange[])[] = [KEEPING, DIFFERING, DROPPED, COMPUTED];

const UNTOUCHED: readonly TableChange[] = ["s0", "s1"].map((name) => ({
  kind: "untouched",
  columns: [`${name} int`],
  statements: [],
  old: [{ name, draw: number, absent: null }],
  next: [{ name, draw: number, absent: null }],
  ...same(name, name),
}));

const RENAMED_TABLE: TableChange = {
  kind: "the table renamed",
  columns: [],
  statements: [(table) => `ALTER TABLE ${table} RENAME TO u;`],
  renamedTo: "u",
  old: [],
  next: [],
  ups: [],
  downs: [],
};

/** As many applications have one: it changes rows that others write. */
const TOUCH = `CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.touched := clock_timestamp(); RETURN NEW; END $$;
  CREATE TRIGGER touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();`;
const KIDS = "CREATE TABLE kids (id serial PRIMARY KEY, t_id int REFERENCES t ON DELETE CASCADE ON UPDATE CASCADE);";

export function randomTable(rng: Rng): RandomTable {
  const changes = Array.from({ length: rng.between(1, 4) }, (_, place) => {
    const family = FAMILIES[rng.between(0, FAMILIES.length - 1)] ?? KEEPING;
    return family[rng.between(0, family.length - 1)]!(place);
  });
  const key = randomKey(rng);
  const columns = [...changes, ...UNTOUCHED].flatMap((change) => change.columns);
  const more = [rng.chance(0.3) ? TOUCH : "", key.referenced ? KIDS : ""].join("");
  return {
    create: `CREATE TABLE t (id ${key.definition}, touched timestamptz, ${columns.join(", ")}); ${more}`,
    ...migrationOf(rng, [...changes, key.change, ...(rng.chance(0.25) ? [RENAMED_TABLE] : [])]),
    key,
    changes: [...changes, ...UNTOUCHED],
  };
}

/** The statements of each change in their order, those of different changes in any. */
function migrationOf(rng: Rng, changes: readonly TableChange[]): Pick<RandomTable, "migration" | "names"> {
  const waiting = changes.map((change) => ({ change, left: [...change.statements] })).filter(({ left }) => left.length > 0);
  const lines: string[] = [];
  let name = "t";
  while (waiting.length > 0) {
    const place = rng.between(0, waiting.length - 1);
    const { change, left } = waiting[place]!;
    lines.push(left.shift()!(name));
    name = change.renamedTo ?? name;
    if (left.length === 0) waiting.splice(place, 1);
  }
  return { migration: lines.join("\n"), names: { old: "t", next: name } };
}
