import { withoutOverlays, type Seen, type SeenColumn, type SeenRelation, type SeenRoutine } from "./seen.ts";

/** One object that two releases see differently. */
export interface SeenDifference {
  readonly kind: SeenRelation["kind"] | SeenRoutine["kind"];
  /** Of a routine with the types of its arguments. */
  readonly name: string;
  /** What it is for the one and for the other; null: it is not there. */
  readonly one: string | null;
  readonly other: string | null;
  /** Its parts that differ. */
  readonly parts: readonly DifferentPart[];
}

export interface DifferentPart {
  readonly what: "column" | "query" | "arguments" | "result" | "body";
  /** Of a column. */
  readonly name: string | null;
  /** Null: it has none. */
  readonly one: string | null;
  readonly other: string | null;
}

/** By kind and name; what is the same for both is left out. */
export function seenDifferences(one: Seen, other: Seen): readonly SeenDifference[] {
  return [
    ...paired(one.relations, other.relations, ({ name }) => name).flatMap(([left, right]) => relationDifference(left, right)),
    ...paired(one.routines, other.routines, signature).flatMap(([left, right]) => routineDifference(left, right)),
  ];
}

type Pair<T> = readonly [T, T | undefined] | readonly [undefined, T];

/** In the order of the names. */
function paired<T>(ones: readonly T[], others: readonly T[], key: (item: T) => string): readonly Pair<T>[] {
  const rest = new Map(others.map((item) => [key(item), item]));
  const pairs: (readonly [string, Pair<T>])[] = ones.map((item) => {
    const found = rest.get(key(item));
    rest.delete(key(item));
    return [key(item), [item, found]];
  });
  const all = [...pairs, ...[...rest].map(([name, item]) => [name, [undefined, item]] as const)];
  return all.toSorted(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0)).map(([, pair]) => pair);
}

function relationDifference(one: SeenRelation | undefined, other: SeenRelation | undefined): readonly SeenDifference[] {
  const { name, kind } = (other ?? one) as SeenRelation;
  if (one === undefined || other === undefined) return [{ kind, name, ...both(one, other, placed), parts: [] }];
  const columns = columnParts(one.columns, other.columns);
  const queries = one.kind === other.kind && kind !== "table" && columns.length === 0 ? [one, other] : [];
  const [left, right] = queries.map(({ definition }) => definition ?? "");
  const parts: DifferentPart[] =
    left === right ? [...columns] : [{ what: "query", name: null, one: left ?? "", other: right ?? "" }];
  if (parts.length === 0 && one.kind === other.kind) return [];
  return [{ kind, name, ...both(one, other, placed), parts }];
}

const placed = ({ kind, schema }: SeenRelation | SeenRoutine): string => `${kind} in ${schema}`;

/** In the order of the columns, those of the one first. */
function columnParts(ones: readonly SeenColumn[], others: readonly SeenColumn[]): readonly DifferentPart[] {
  const names = new Set([...ones, ...others].map(({ name }) => name));
  return [...names].flatMap((name) => {
    const find = (columns: readonly SeenColumn[]): SeenColumn | undefined => columns.find((column) => column.name === name);
    const sides = both(find(ones), find(others), columnText);
    return sides.one === sides.other ? [] : [{ what: "column" as const, name, ...sides }];
  });
}

const columnText = ({ type, notNull, default: value }: SeenColumn): string =>
  [type, ...(notNull ? ["NOT NULL"] : []), ...(value === null ? [] : [`DEFAULT ${withoutOverlays(value)}`])].join(" ");

const signature = ({ name, types }: SeenRoutine): string => `${name}(${types})`;

function routineDifference(one: SeenRoutine | undefined, other: SeenRoutine | undefined): readonly SeenDifference[] {
  const shown = (other ?? one) as SeenRoutine;
  const named = { kind: shown.kind, name: signature(shown) };
  if (one === undefined || other === undefined) return [{ ...named, ...both(one, other, placed), parts: [] }];
  const parts = (
    [
      ["arguments", (routine) => routine.arguments],
      ["result", ({ returns }) => returns],
      ["body", ({ body }) => withoutOverlays(body)],
    ] satisfies [DifferentPart["what"], (routine: SeenRoutine) => string | null][]
  ).flatMap(([what, of]) => (of(one) === of(other) ? [] : [{ what, name: null, one: of(one), other: of(other) }]));
  return parts.length === 0 ? [] : [{ ...named, ...both(one, other, placed), parts }];
}

function both<T>(
  one: T | undefined,
  other: T | undefined,
  text: (item: T) => string,
): { one: string | null; other: string | null } {
  return { one: one === undefined ? null : text(one), other: other === undefined ? null : text(other) };
}
