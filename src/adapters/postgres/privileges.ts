import { ident } from "../../database/names.ts";
import type { PrivilegeNeed } from "../../database/privileges/needs.ts";
import type { MissingPrivilege } from "../../ports/database.ts";
import type { Queryable } from "./queryable.ts";

/** Where routines share a name, one that the role owns is taken for the one that is meant. */
const OWNERS = `
  SELECT n.i, pg_get_userbyid(min(o.owner)) AS owner FROM n CROSS JOIN LATERAL (
    SELECT c.relowner AS owner, s.nspowner AS spaceowner FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
      WHERE n.of = 'relation' AND c.oid = to_regclass(n.name)
    UNION ALL SELECT t.typowner, s.nspowner FROM pg_type t JOIN pg_namespace s ON s.oid = t.typnamespace
      WHERE n.of = 'type' AND t.oid = to_regtype(n.name)
    UNION ALL SELECT p.proowner, s.nspowner FROM pg_proc p JOIN pg_namespace s ON s.oid = p.pronamespace
      WHERE n.of = 'routine' AND quote_ident(s.nspname) || '.' || quote_ident(p.proname) = n.name) o
  WHERE n.kind = 'owner'
  GROUP BY n.i, n.orschema
  HAVING NOT bool_or(pg_has_role(o.owner, 'USAGE') OR (n.orschema AND pg_has_role(o.spaceowner, 'USAGE')))`;

const PRIVILEGES = `
  SELECT n.i, NULL::name AS owner FROM n WHERE n.kind = 'privilege' AND NOT COALESCE(CASE n.on
    WHEN 'table' THEN has_table_privilege(to_regclass(n.name), n.privilege) OR (n.privilege = 'REFERENCES' AND has_any_column_privilege(to_regclass(n.name), 'REFERENCES'))
    WHEN 'schema' THEN has_schema_privilege(to_regnamespace(quote_ident(n.name)), n.privilege)
    ELSE has_database_privilege(current_database(), n.privilege) OR to_regnamespace(n.unless) IS NOT NULL END, true)`;

/** Which of them the role of this connection does not have. */
export async function readMissing(database: Queryable, needs: readonly PrivilegeNeed[]): Promise<readonly MissingPrivilege[]> {
  const given = JSON.stringify(
    needs.map((need, i) => ({ i, ...need, orschema: need.kind === "owner" && need.orOfSchema === true })),
  );
  const [who] = await database.query<{ role: string; database: string }>(
    "SELECT current_user AS role, current_database() AS database",
  );
  const rows = await database.query<{ i: number; owner: string | null }>(
    `WITH n AS (SELECT * FROM jsonb_to_recordset($1::jsonb) AS n(i int, kind text, of text, "on" text, name text, privilege text, orschema boolean, unless text))
     ${OWNERS} UNION ALL ${PRIVILEGES} ORDER BY 1`.replaceAll("n.on", 'n."on"'),
    [given],
  );
  const role = ident(who?.role ?? "");
  return rows.flatMap(({ i, owner }) => {
    const need = needs[i];
    return need === undefined ? [] : [{ need, ...textOf(need, { role, owner, database: who?.database ?? "" }) }];
  });
}

function textOf(
  need: PrivilegeNeed,
  { role, owner, database }: { role: string; owner: string | null; database: string },
): Pick<MissingPrivilege, "what" | "grant"> {
  if (need.kind === "owner") {
    const what = need.of === "relation" ? "" : `${need.of} `;
    return {
      what: `${role} does not own ${what}${need.name}, which belongs to ${ident(owner ?? "")}`,
      grant: `GRANT ${ident(owner ?? "")} TO ${role}`,
    };
  }
  const on =
    need.on === "database" ? `DATABASE ${ident(database)}` : need.on === "schema" ? `SCHEMA ${ident(need.name)}` : need.name;
  return {
    what: `${role} has no ${need.privilege} on ${on.replace(/^[A-Z]+ /, (word) => word.toLowerCase())}`,
    grant: `GRANT ${need.privilege} ON ${on} TO ${role}`,
  };
}
