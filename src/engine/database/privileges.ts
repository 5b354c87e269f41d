import { HitlessError } from "../../base/error.ts";
import type { Plan } from "../../database/plan/action.ts";
import { privilegeNeeds, type PlacedNeed } from "../../database/privileges/needs.ts";
import type { Database, MissingPrivilege } from "../../ports/database.ts";
import type { SqlSources } from "../../ports/sources.ts";

/** The journal is Hitless' own: it is written with every step. */
const JOURNAL: readonly PlacedNeed[] = [
  { need: { kind: "privilege", on: "database", name: "", privilege: "CREATE", unless: "hitless" }, cause: null },
  { need: { kind: "privilege", on: "table", name: "hitless.actions", privilege: "INSERT" }, cause: null },
];

export interface PlacedPrivilege extends Pick<MissingPrivilege, "what" | "grant"> {
  /** `0002_names.sql:3`; empty: Hitless itself needs it. */
  readonly place: string;
}

/** What the role of the URL lacks for a plan, before anything of it is done. */
export async function missingPrivileges(
  { database, sources }: { readonly database: Database; readonly sources: SqlSources },
  url: string,
  plan: Plan,
): Promise<readonly PlacedPrivilege[]> {
  if (plan.actions.length === 0) return [];
  const needs = [...JOURNAL, ...privilegeNeeds(await sources.language(), plan)];
  const missing = await database.missing(
    url,
    needs.map(({ need }) => need),
  );
  return missing.map(({ need, what, grant }) => {
    const cause = needs.find((one) => one.need === need)?.cause ?? null;
    return { what, grant, place: cause === null ? "" : `${cause.path}:${String(cause.line)}` };
  });
}

export function lacksPrivileges(missing: readonly PlacedPrivilege[]): HitlessError {
  return new HitlessError({
    code: "ERR_DATABASE_PRIVILEGE",
    what: `The database role lacks ${missing.length === 1 ? "a privilege" : `${String(missing.length)} privileges`} for what this release brings.`,
    next: "Nothing was changed. Whoever may grant them runs:",
    details: [
      ...missing.map(({ place, what }) => `${place === "" ? "" : `${place}: `}${what}`),
      ...new Set(missing.map(({ grant }) => `    ${grant};`)),
    ],
  });
}
