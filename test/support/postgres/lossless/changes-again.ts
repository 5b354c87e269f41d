import type { Rng } from "../../../../src/base/rng.ts";
import { same, type SideColumn, type TableChange } from "./table-change.ts";

/** Types that hold every number of the one before; where PostgreSQL cannot know that, the migration says so. */
const WIDER: Readonly<Record<string, readonly string[]>> = {
  int: ["bigint", "numeric(20,2)", "text"],
  bigint: ["numeric", "text"],
  "numeric(20,2)": ["numeric(30,4)", "double precision"],
  numeric: ["text"],
};

interface Again {
  readonly known: SideColumn;
  /** One that no column of the table has now; columns of earlier releases may have had it. */
  readonly name: string;
  readonly type: string | undefined;
}

type ChangeAgain = (again: Again) => TableChange | null;

const changed = (
  kind: string,
  { known }: Again,
  next: SideColumn | null,
  statements: TableChange["statements"],
): TableChange => ({
  kind: `${kind} again`,
  columns: [],
  statements,
  old: [known],
  next: next === null ? [] : [next],
  ...(next === null ? { ups: [], downs: [] } : same(known.name, next.name)),
});

const AGAIN: readonly [ChangeAgain, ...ChangeAgain[]] = [
  (again) =>
    changed("renamed", again, { ...again.known, name: again.name }, [
      (table) => `ALTER TABLE ${table} RENAME COLUMN ${again.known.name} TO ${again.name};`,
    ]),
  (again) =>
    again.type === undefined
      ? null
      : changed("retyped", again, { ...again.known, type: again.type }, [
          (table) => `ALTER TABLE ${table} ALTER COLUMN ${again.known.name} TYPE ${again.type ?? ""};`,
        ]),
  (again) =>
    again.type === undefined
      ? null
      : changed("retyped and renamed", again, { ...again.known, name: again.name, type: again.type }, [
          (table) => `ALTER TABLE ${table} ALTER COLUMN ${again.known.name} TYPE ${again.type ?? ""};`,
          (table) => `ALTER TABLE ${table} RENAME COLUMN ${again.known.name} TO ${again.name};`,
        ]),
  (again) => {
    const { known } = again;
    if (known.distinct === true) return null;
    return changed("another default", again, { ...known, absent: 8 }, [
      (table) => `ALTER TABLE ${table} ALTER COLUMN ${known.name} SET DEFAULT 8;`,
    ]);
  },
  (again) =>
    again.known.absent === undefined
      ? null
      : changed("dropped", again, null, [(table) => `ALTER TABLE ${table} DROP COLUMN ${again.known.name};`]),
];

/** What a later release does to a column that an earlier one may have changed; null: it lets it alone. */
export function changeAgain(rng: Rng, known: SideColumn, name: string): TableChange | null {
  // PostgreSQL lets no numeric refer to an int.
  const refers = known.refers === true;
  const wider = (WIDER[known.type ?? ""] ?? []).filter((one) =>
    refers ? one === "bigint" : known.numeric !== true || one !== "text",
  );
  const type = wider[rng.between(0, wider.length - 1)];
  return known.type === undefined ? null : rng.pick(AGAIN)({ known, name, type });
}
