import type { Rng } from "../../../../src/base/rng.ts";
import { changeAgain } from "./changes-again.ts";
import { DIFFERING, DROPPED, KEEPING } from "./column-changes.ts";
import { COMPUTED } from "./computed-changes.ts";
import { ENUMS } from "./enum-changes.ts";
import { NEEDED } from "./needed-changes.ts";
import { CONSTRAINED } from "./constraint-changes.ts";
import { keyChange, randomKey, type RowKey } from "./row-key.ts";
import { routinesOf, type TableRoutine } from "./routines.ts";
import {
  column,
  number,
  untouched,
  type MakeChange,
  type PlainStep,
  type Side,
  type SideColumn,
  type TableChange,
} from "./table-change.ts";

/** What one release brings to the table, and the routine that each side has. */
export interface TableStep extends PlainStep {
  readonly routines: Readonly<Record<Side, TableRoutine>> | null;
}

/** A table with the migrations that change it, one release after the other. */
export interface RandomTable {
  readonly name: string;
  readonly create: string;
  readonly key: RowKey;
  /** The last one changes nothing. */
  readonly steps: readonly TableStep[];
}

const FAMILIES: readonly (readonly MakeChange[])[] = [KEEPING, DIFFERING, DROPPED, COMPUTED, NEEDED, CONSTRAINED, ENUMS];
const STAYS: readonly SideColumn[] = ["s0", "s1"].map((name) => column(name, number, null));

/** There and back, from release to release. */
function renamed(from: string, [one, other]: readonly [string, string]): TableChange {
  const to = from === one ? other : one;
  return {
    kind: "the table renamed",
    columns: [],
    statements: [(table) => `ALTER TABLE ${table} RENAME TO ${to};`],
    renamedTo: to,
    old: [],
    next: [],
    ups: [],
    downs: [],
  };
}

/** As many applications have one: it changes rows that others write. */
const touch = (table: string): string =>
  `CREATE FUNCTION touch_${table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.touched := clock_timestamp(); RETURN NEW; END $$;
  CREATE TRIGGER touch BEFORE UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION touch_${table}();`;
const kids = (table: string): string =>
  `CREATE TABLE ${table}_kids (id serial PRIMARY KEY, t_id int REFERENCES ${table} ON DELETE CASCADE ON UPDATE CASCADE);`;

interface TableSize {
  readonly releases: number;
  /** Its own, and one that it may get, and give back in a later release. */
  readonly names: readonly [string, string];
  /** Of its first column: no other table has columns of these places. */
  readonly place: number;
}

export function randomTable(rng: Rng, { releases, names, place }: TableSize): RandomTable {
  const [name] = names;
  const own = Array.from({ length: releases }, (_, step) => ownChanges(rng, step, place));
  const before = own.flat().flatMap((change) => change.before ?? []);
  const key = randomKey(rng);
  const columns = own.flat().flatMap((change) => change.columns);
  const made = steps(rng, own, names);
  const routines = rng.chance(0.6) ? routinesOf(rng, `put_${name}`, made) : null;
  const more = [rng.chance(0.3) ? touch(name) : "", key.referenced ? kids(name) : "", routines?.[0]?.old.sql ?? ""].join("");
  return {
    name,
    create: `${before.join(" ")} CREATE TABLE ${name} (id ${key.definition}, touched timestamptz, ${[...columns, "s0 int", "s1 int"].join(", ")}); ${more}`,
    key,
    steps: made.map((step, one) => ({ ...step, routines: routines?.[one] ?? null })),
  };
}

/** Changes of columns that no earlier release has changed. */
function ownChanges(rng: Rng, step: number, from: number): readonly TableChange[] {
  return Array.from({ length: rng.between(step === 0 ? 1 : 0, step === 0 ? 4 : 2) }, (_, place) => {
    const family = FAMILIES[rng.between(0, FAMILIES.length - 1)] ?? KEEPING;
    return family[rng.between(0, family.length - 1)]!(from + step * 10 + place);
  });
}

function steps(rng: Rng, own: readonly (readonly TableChange[])[], names: readonly [string, string]): readonly PlainStep[] {
  const made: PlainStep[] = [];
  let known: readonly SideColumn[] = [...own.flat().flatMap(({ old }) => old), ...STAYS];
  let [name, key] = [names[0], "id"];
  const free = new Set<string>();
  for (const [step, brought] of own.entries()) {
    const later = own.slice(step).flatMap((changes) => changes.flatMap(({ old }) => old));
    const again = changesAgain(rng, without(known, later), { free, step });
    const changes = [...brought, ...again];
    const keys = keyChange(rng, key);
    const order = inAnyOrder(rng, [...changes, keys, ...(rng.chance(0.25) ? [renamed(name, names)] : [])], name);
    const all = [
      ...changes,
      ...without(
        known,
        changes.flatMap(({ old }) => old),
      ).map(untouched),
    ];
    const next = keys.renamedKey ?? key;
    // A release that changes nothing of the table would leave what older ones have brought to it as it is.
    const migration = `${order.migration}\nALTER TABLE ${order.name} ALTER COLUMN s0 SET STATISTICS 50;`;
    made.push({ migration, changes: all, names: { old: name, next: order.name }, key: { old: key, next } });
    const seen = all.flatMap((change) => change.next).map((one) => ({ ...one, ...one.later, later: undefined }));
    for (const gone of without(known, seen)) free.add(gone.name);
    [known, name, key] = [seen, order.name, next];
  }
  const last = { migration: "", changes: known.map(untouched), names: { old: name, next: name }, key: { old: key, next: key } };
  return [...made, last];
}

function without(columns: readonly SideColumn[], others: readonly SideColumn[]): readonly SideColumn[] {
  const names = new Set(others.map(({ name }) => name));
  return columns.filter(({ name }) => !names.has(name));
}

/** Of columns that an earlier release may have changed. */
function changesAgain(
  rng: Rng,
  columns: readonly SideColumn[],
  { free, step }: { readonly free: Set<string>; readonly step: number },
): readonly TableChange[] {
  const name = (place: number): string => freeName(rng, free, `a${String(step)}${String(place)}`);
  return columns
    .map((known, place) => (rng.chance(0.4) ? changeAgain(rng, known, name(place)) : null))
    .filter((change) => change !== null);
}

/** Often one that a column of an earlier release had. */
function freeName(rng: Rng, free: Set<string>, name: string): string {
  const [old] = free;
  if (old === undefined || rng.chance(0.4)) return name;
  free.delete(old);
  return old;
}

/** The statements of each change in their order, those of different changes in any. */
function inAnyOrder(
  rng: Rng,
  changes: readonly TableChange[],
  table: string,
): { readonly migration: string; readonly name: string } {
  const waiting = changes.map((change) => ({ change, left: [...change.statements] })).filter(({ left }) => left.length > 0);
  const lines: string[] = [];
  let name = table;
  while (waiting.length > 0) {
    const place = rng.between(0, waiting.length - 1);
    const { change, left } = waiting[place]!;
    lines.push(left.shift()!(name));
    name = change.renamedTo ?? name;
    if (left.length === 0) waiting.splice(place, 1);
  }
  return { migration: lines.join("\n"), name };
}
