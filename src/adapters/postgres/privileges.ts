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
    WHEN 'table' THEN has_table_privilege(to_regclass(n.name), n.privilege || CASE WHEN n.grantable THEN ' WITH GRANT OPTION' ELSE '' END) OR (n.privilege = 'REFERENCES' AND has_any_column_privilege(to_regclass(n.name), 'REFERENCES'))
    WHEN 'tablespace' THEN (SELECT has_tablespace_privilege(t.oid, n.privilege) OR t.oid = d.dattablespace
      FROM pg_tablespace t, pg_database d WHERE t.spcname = n.name AND d.datname = current_database())
    WHEN 'schema' THEN has_schema_privilege(to_regnamespace(quote_ident(n.name)), n.privilege)
    ELSE has_database_privilege(current_database(), n.privilege) OR to_regnamespace(n.unless) IS NOT NULL END, true)`;

/** Those that are superusers for most of it on servers that others run. */
const ADMINS = "'rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin', 'neon_superuser', 'alloydbsuperuser', 'doadmin'";

/** A trusted extension needs only CREATE on the database; what the server does not have at all is not a matter of privileges. */
const EXTENSIONS = `
  SELECT n.i, NULL::name FROM n JOIN pg_available_extensions e ON e.name = n.name AND e.installed_version IS NULL
  JOIN pg_available_extension_versions v ON v.name = e.name AND v.version = e.default_version
  WHERE n.kind = 'extension' AND (v.superuser AND NOT (v.trusted AND has_database_privilege(current_database(), 'CREATE')))
    AND NOT EXISTS (SELECT FROM pg_roles r WHERE (r.rolname IN (${ADMINS}) OR r.rolsuper) AND pg_has_role(r.oid, 'USAGE'))`;

const ROLES = `
  SELECT n.i, NULL::name FROM n CROSS JOIN (SELECT rolcreaterole OR rolsuper AS makes, rolsuper AS super, current_setting('server_version_num')::int >= 160000 AS new FROM pg_roles WHERE rolname = current_user) me
  LEFT JOIN pg_roles r ON r.rolname = n.name
  WHERE NOT me.super AND CASE n.kind WHEN 'createrole' THEN NOT me.makes WHEN 'member' THEN NOT pg_has_role(r.oid, CASE WHEN me.new THEN 'SET' ELSE 'MEMBER' END)
    WHEN 'admin' THEN NOT (pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION') OR (me.makes AND NOT r.rolsuper AND NOT me.new)) END`;

/** Which of them the role of this connection does not have. */
export async function readMissing(database: Queryable, needs: readonly PrivilegeNeed[]): Promise<readonly MissingPrivilege[]> {
  const given = JSON.stringify(
    needs.map((need, i) => ({ i, ...need, orschema: need.kind === "owner" && need.orOfSchema === true })),
  );
  const [who] = await database.query<{ role: string; database: string; version: number }>(
    "SELECT current_user AS role, current_database() AS database, current_setting('server_version_num')::int AS version",
  );
  const rows = await database.query<{ i: number; owner: string | null }>(
    `WITH n AS (SELECT * FROM jsonb_to_recordset($1::jsonb) AS n(i int, kind text, of text, "on" text, name text, privilege text, orschema boolean, grantable boolean, unless text))
     ${[OWNERS, PRIVILEGES, EXTENSIONS, ROLES].join(" UNION ALL ")} ORDER BY 1`.replaceAll("n.on", 'n."on"'),
    [given],
  );
  const role = ident(who?.role ?? "");
  return rows.flatMap(({ i, owner }) => {
    const need = needs[i];
    return need === undefined
      ? []
      : [{ need, ...textOf(need, { role, owner, database: who?.database ?? "", version: who?.version ?? 0 }) }];
  });
}

interface Asker {
  /** Quoted. */
  readonly role: string;
  readonly database: string;
  /** As `server_version_num`. */
  readonly version: number;
}

function textOf(
  need: PrivilegeNeed,
  { role, owner, database, version }: Asker & { owner: string | null },
): Pick<MissingPrivilege, "what" | "grant"> {
  if (need.kind === "owner") {
    const what = need.of === "relation" ? "" : `${need.of} `;
    return {
      what: `${role} does not own ${what}${need.name}, which belongs to ${ident(owner ?? "")}`,
      grant: `GRANT ${ident(owner ?? "")} TO ${role}`,
    };
  }
  if (need.kind !== "privilege") return roleText(need, { role, database, version });
  const on =
    need.on === "tablespace"
      ? `TABLESPACE ${ident(need.name)}`
      : need.on === "database"
        ? `DATABASE ${ident(database)}`
        : need.on === "schema"
          ? `SCHEMA ${ident(need.name)}`
          : need.name;
  const grantable = need.on === "table" && need.grantable === true ? " WITH GRANT OPTION" : "";
  return {
    what: `${role} has no ${need.privilege}${grantable} on ${on.replace(/^[A-Z]+ /, (word) => word.toLowerCase())}`,
    grant: `GRANT ${need.privilege} ON ${on} TO ${role}${grantable}`,
  };
}

function roleText(
  need: Exclude<PrivilegeNeed, { kind: "owner" | "privilege" }>,
  { role, database, version }: Asker,
): Pick<MissingPrivilege, "what" | "grant"> {
  const name = ident(need.name);
  switch (need.kind) {
    case "extension":
      return {
        what: `${role} may not make the extension ${name}: that needs a superuser, or CREATE on database ${ident(database)} where it is trusted`,
        grant: `CREATE EXTENSION ${name}`,
      };
    case "createrole":
      return { what: `${role} may not make roles`, grant: `ALTER ROLE ${role} CREATEROLE` };
    case "member":
      return {
        what: `${role} is no member of ${name}`,
        grant: `GRANT ${name} TO ${role}${version >= 160_000 ? " WITH SET TRUE" : ""}`,
      };
    case "admin":
      return { what: `${role} may not make others members of ${name}`, grant: `GRANT ${name} TO ${role} WITH ADMIN OPTION` };
  }
}
