import type { InstanceName } from "../base/names.ts";
import type { RouteTable, Target } from "../core/routes.ts";

/** So many targets of the table before, from an index on; `from` null: so many of those that came with the change. */
export interface Piece {
  readonly from: number | null;
  readonly count: number;
}

/**
 * A route table as it differs from the one before. A large table changes often and little: what both sides know is neither checked nor sent
 * again, and stays the very same objects.
 */
export interface TableChange {
  /** Whole but for the targets that the pool of the same release had before. */
  readonly table: RouteTable;
  /** For each pool, what its targets are put together from. */
  readonly pieces: readonly (readonly Piece[])[];
}

/** `after` may be anything that has pools with targets; nothing else of it is looked at. */
export function changeSince(before: RouteTable, after: RouteTable): TableChange {
  const all = after.pools.map((pool) => {
    const { pieces, added } = compared(targetsOf(before, pool.release), pool.targets);
    return { pieces, pool: { ...pool, targets: added } };
  });
  return { table: { ...after, pools: all.map(({ pool }) => pool) }, pieces: all.map(({ pieces }) => pieces) };
}

/** The table after the change. A pool whose targets are the same has the same list of them. */
export function changed(before: RouteTable, { table, pieces }: TableChange): RouteTable {
  const pools = table.pools.map((pool, index) => {
    return { ...pool, targets: joined(targetsOf(before, pool.release), pool.targets, pieces[index] ?? []) };
  });
  return { ...table, pools };
}

/** The same releases in the same order, with the very lists of targets that they had. */
export function hasSameTargets(a: RouteTable, b: RouteTable): boolean {
  if (a.pools.length !== b.pools.length) return false;
  return a.pools.every((pool, index) => pool.release === b.pools[index]?.release && pool.targets === b.pools[index].targets);
}

export function instancesOf({ pools }: RouteTable): readonly InstanceName[] {
  return pools.flatMap(({ targets }) => targets.map(({ instance }) => instance));
}

const NONE: readonly Target[] = [];

function targetsOf(table: RouteTable, release: string): readonly Target[] {
  return table.pools.find((pool) => pool.release === release)?.targets ?? NONE;
}

function compared(before: readonly Target[], after: readonly Target[]): { pieces: readonly Piece[]; added: readonly Target[] } {
  const pieces: { from: number | null; count: number }[] = [];
  const added: Target[] = [];
  let places: ReadonlyMap<unknown, number> | null = null;
  let expected = 0;
  for (const target of after) {
    let at: number | undefined = expected;
    if (!isSame(before[at], target)) {
      places ??= new Map(before.map(({ instance }, index) => [instance, index]));
      at = places.get((target as Target | null)?.instance);
      if (at === undefined || !isSame(before[at], target)) {
        added.push(target);
        extend(pieces, null);
        continue;
      }
    }
    extend(pieces, at);
    expected = at + 1;
  }
  return { pieces, added };
}

function extend(pieces: { from: number | null; count: number }[], at: number | null): void {
  const last = pieces.at(-1);
  const follows = last !== undefined && (at === null || last.from === null ? at === last.from : at === last.from + last.count);
  if (follows) last.count += 1;
  else pieces.push({ from: at, count: 1 });
}

function joined(before: readonly Target[], added: readonly Target[], pieces: readonly Piece[]): readonly Target[] {
  const [first] = pieces;
  if (pieces.length === 1 && first?.from === 0 && first.count === before.length) return before;
  const targets: Target[] = [];
  let used = 0;
  for (const { from, count } of pieces) {
    const source = from === null ? added : before;
    const start = from ?? used;
    for (let at = start; at < start + count; at += 1) targets.push(source[at] as Target);
    if (from === null) used += count;
  }
  return targets;
}

/** As JSON values. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || Array.isArray(a) !== Array.isArray(b))
    return false;
  const fields = Object.keys(a);
  if (fields.length !== Object.keys(b).length) return false;
  return fields.every((field) => field in b && isSame(a[field as keyof typeof a], b[field as keyof typeof b]));
}
