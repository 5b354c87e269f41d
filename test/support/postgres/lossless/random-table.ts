import type { Rng } from "../../../../src/base/rng.ts";
import { COMPUTED, DIFFERING, DROPPED, KEEPING } from "./column-changes.ts";
import { digit, orNull, same, type Side, type TableChange } from "./table-change.ts";

/** A table with the migration that changes it. */
export interface RandomTable {
  readonly create: string;
  readonly migration: string;
  readonly changes: readonly TableChange[];
  readonly names: Readonly<Record<Side, string>>;
}

const SHARED: readonly TableChange[] = ["s0", "s1"].map((name) => ({
  kind: "untouched",
  columns: [`${name} int`],
  statements: [],
  old: [{ name, draw: orNull(digit), absent: null }],
  next: [{ name, draw: orNull(digit), absent: null }],
  ...same(name, name),
}));

/** As many applications have one: it changes rows that others write. */
const TOUCH = `CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.touched := clock_timestamp(); RETURN NEW; END $$;
  CREATE TRIGGER touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();`;

export function randomTable(rng: Rng): RandomTable {
  const kinds = [KEEPING, DIFFERING, DROPPED, COMPUTED];
  const changes = Array.from({ length: rng.between(1, 4) }, (_, place) => {
    const family = kinds[rng.between(0, kinds.length - 1)] ?? KEEPING;
    return family[rng.between(0, family.length - 1)]!(place);
  });
  const columns = [...changes, ...SHARED].flatMap((change) => change.columns);
  return {
    create: `CREATE TABLE t (id int PRIMARY KEY, touched timestamptz, ${columns.join(", ")}); ${rng.chance(0.3) ? TOUCH : ""}`,
    ...migrationOf(rng, changes),
    changes: [...changes, ...SHARED],
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
