import type { ObjectName } from "../names.ts";
import type { Sync } from "../source/annotations.ts";
import type { Notice } from "./action.ts";

/** What annotations may call a table. */
export function annotatedAs({ name, physical }: { readonly name: ObjectName; readonly physical: ObjectName }): readonly string[] {
  return [name.name, `${name.schema}.${name.name}`, physical.name];
}

/**
 * An annotation for which no statement has asked is most often a slip in a name, and what it should have filled stays empty. Tables that the
 * release makes ask for none.
 */
export function noticesOfUnheard(
  syncs: readonly Sync[],
  { heard, made }: { readonly heard: ReadonlySet<Sync>; readonly made: readonly string[] },
): readonly Notice[] {
  return [...new Set(syncs)]
    .filter((sync) => !heard.has(sync) && !made.includes(sync.table))
    .map(({ kind, table, column, position }) => ({
      rule: "annotation",
      position,
      text: `nothing asks for \`${kind} ${table}.${column}\`: no statement of this release adds or changes such a column in a way that needs it; a name with capitals or blanks stands in double quotes`,
    }));
}
