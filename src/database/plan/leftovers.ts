import { tableOf, type Catalog, type Table } from "../catalog.ts";
import { sameName, type ObjectName } from "../names.ts";
import type { Action, KeptObject, KeptRelation, KeptStatement } from "./action.ts";

/** What a release that was taken back has left in the database. */
export interface Leftover {
  readonly object: KeptObject;
  readonly release: number;
  /** The SQL that made it. */
  readonly made: readonly string[];
  /** It holds data that is nowhere else, or is needed by what does: now, not when the release was taken back. */
  readonly holds: boolean;
}

export const isRelation = (object: KeptObject): object is KeptRelation => !("statement" in object);

function sameObject(one: KeptObject, other: KeptObject): boolean {
  if (isRelation(one) || isRelation(other))
    return isRelation(one) && isRelation(other) && sameName(one, other) && one.column === other.column;
  return (one.makes ?? one.statement) === (other.makes ?? other.statement);
}

/** Whether it goes with a table. */
export function goesWith(object: KeptObject, table: KeptObject): boolean {
  return (
    isRelation(table) && table.column === null && !isRelation(object) && object.of !== undefined && sameName(object.of, table)
  );
}

export function keptBy({ keeps }: Pick<Action, "keeps">): readonly KeptObject[] {
  if (keeps === undefined) return [];
  return isList(keeps) ? keeps : [keeps];
}

const isList = (keeps: KeptObject | readonly KeptObject[]): keeps is readonly KeptObject[] => Array.isArray(keeps);

/** The same for the same object. */
export function keyOfKept(object: KeptObject): string {
  return isRelation(object)
    ? JSON.stringify([object.schema, object.name, object.column])
    : `=${object.makes ?? object.statement}`;
}

/** Many objects: those that are among them, or go with one of them. */
export class KeptObjects {
  readonly #keys: ReadonlySet<string>;

  constructor(objects: readonly KeptObject[]) {
    this.#keys = new Set(objects.map(keyOfKept));
  }

  has(object: KeptObject): boolean {
    if (this.#keys.has(keyOfKept(object))) return true;
    if (isRelation(object) || object.of === undefined) return false;
    return this.#keys.has(keyOfKept({ ...object.of, column: null }));
  }
}

/** How what was left compares with what a release wants under that name. */
export type Finding = { readonly kind: "none" } | { readonly kind: "same" | "empty" | "differs"; readonly leftover: Leftover };

/** What there is of earlier releases while one is planned, and what it takes of that. */
export class Leftovers {
  /** Without them, as the planner sees it. */
  readonly catalog: Catalog;
  readonly #whole: Catalog;
  /** Texts of all statements of the release. */
  readonly #statements: ReadonlySet<string>;
  readonly #adopted: KeptObject[] = [];
  #all: readonly Leftover[];
  /** What is left of statements, by their texts; null: not looked at since something was forgotten. */
  #byText: ReadonlyMap<string, KeptStatement> | null = null;

  constructor(catalog: Catalog, all: readonly Leftover[], statements: readonly string[]) {
    const relations = all.map(({ object }) => object).filter(isRelation);
    const gone = new KeptObjects(relations.filter((object) => !isThere(catalog, object)));
    this.#all = all.filter(({ object }) => !gone.has(object));
    this.#whole = catalog;
    this.#statements = new Set(statements);
    this.catalog = without(catalog, this.#all);
  }

  get adopted(): readonly KeptObject[] {
    return this.#adopted;
  }

  /** A table that was left, as it is now. */
  table(name: ObjectName): Table | null {
    return this.#find({ ...name, column: null }) === undefined ? null : tableOf(this.#whole, name);
  }

  /** Whether an earlier release has run the statement, with an effect that is there still. */
  takesRun(statement: string): boolean {
    const found = this.#run().get(statement);
    if (found !== undefined) this.adopt(found);
    return found !== undefined;
  }

  /** `made`: what would make it now; null: more than one statement, so that nothing that was left is the same. */
  compare(object: KeptObject, made: string | null): Finding {
    const leftover = this.#find(object);
    if (leftover === undefined) return { kind: "none" };
    // What belongs to no table is there for sure only while it is needed.
    if (!isRelation(object) && !leftover.holds) return { kind: "empty", leftover };
    const more = this.#all.filter((one) => goesWith(one.object, object)).map((one) => one.object as KeptStatement);
    const same = made !== null && plainly(leftover.made.at(-1) ?? "") === plainly(made);
    if (same && more.every(({ statement }) => this.#statements.has(statement))) return { kind: "same", leftover };
    return { kind: leftover.holds ? "differs" : "empty", leftover };
  }

  adopt(object: KeptObject): void {
    this.#adopted.push(object);
  }

  /** It is made anew, with all that goes with it. */
  forget(object: KeptObject): void {
    this.#all = this.#all.filter((one) => !sameObject(one.object, object) && !goesWith(one.object, object));
    this.#byText = null;
  }

  #run(): ReadonlyMap<string, KeptStatement> {
    if (this.#byText !== null) return this.#byText;
    const run = this.#all.flatMap(({ object }) => (isRelation(object) ? [] : [[object.statement, object] as const]));
    // Of several the first.
    const byText = new Map(run.toReversed());
    this.#byText = byText;
    return byText;
  }

  #find(object: KeptObject): Leftover | undefined {
    return this.#all.find((one) => sameObject(one.object, object));
  }
}

/** Whether it is only made where it is not there makes it nothing else. */
const plainly = (sql: string): string => sql.replace(/^(CREATE TABLE|ALTER TABLE \S+ ADD COLUMN) IF NOT EXISTS /, "$1 ");

function isThere(catalog: Catalog, { column, ...name }: KeptRelation): boolean {
  const table = tableOf(catalog, name);
  return table !== null && (column === null || table.columns.some((one) => one.name === column));
}

/** The catalog as it was before the release that left something. */
function without(catalog: Catalog, left: readonly Leftover[]): Catalog {
  const relations = left.map(({ object }) => object).filter(isRelation);
  if (relations.length === 0) return catalog;
  const is = (name: ObjectName, column: string | null): boolean =>
    relations.some((object) => sameName(object, name) && object.column === column);
  const tables = catalog.tables
    .filter((table) => !is(table, null))
    .map((table) => ({ ...table, columns: table.columns.filter(({ name }) => !is(table, name)) }));
  return { ...catalog, tables };
}
