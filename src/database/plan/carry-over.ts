import { literal, qualified, type ObjectName } from "../names.ts";

/*
 * What an object carries besides its text: its owner, who may use it, its comment, its security labels, and the triggers of a view. The SQL here
 * gives them to what takes its place. It looks when it runs: what an administrator has granted since the plan was made counts too. Where either
 * is not there, nothing happens.
 */

/** @param columns of the old one with their names in the new one, where those are others */
export function carryOverView(from: ObjectName, to: ObjectName, columns: ReadonlyMap<string, string> = new Map()): string {
  return block(
    RELATION,
    [regclass(from), regclass(to)],
    [ownerOf, privilegesOf, sayingsOf, () => columnsOf(columns), () => DEFAULTS, () => TRIGGERS],
  );
}

export function carryOverOwner(from: ObjectName, to: ObjectName): string {
  return block(RELATION, [regclass(from), regclass(to)], [ownerOf]);
}

/** Of a routine with its arguments in parentheses: `public.f(integer)`. */
export function carryOverRoutine(from: string, to: string): string {
  const [old, made] = [from, to].map((routine) => `to_regprocedure(${literal(routine)})`);
  return block(ROUTINE, [old ?? "", made ?? ""], [ownerOf, privilegesOf, sayingsOf]);
}

/** What a column carries, for one that will take its place in the same table. */
export function carryOverColumn(table: ObjectName, from: string, to: string): string {
  const own = regclass(table);
  return block(RELATION, [own, own], [() => columnsOf(new Map([[from, to]]), from)]);
}

interface Kind {
  readonly catalog: string;
  readonly prefix: string;
  /** As acldefault() calls it. */
  readonly acl: string;
  readonly name: string;
  readonly word: string;
  readonly grantWord: string;
}

const RELATION: Kind = {
  catalog: "pg_class",
  prefix: "rel",
  acl: "r",
  name: "format('%I.%I', n.nspname, c.relname)",
  word: "VIEW",
  grantWord: "TABLE",
};
const ROUTINE: Kind = {
  catalog: "pg_proc",
  prefix: "pro",
  acl: "f",
  name: "c.oid::regprocedure::text",
  word: "ROUTINE",
  grantWord: "ROUTINE",
};

const regclass = (name: ObjectName): string => `to_regclass(${literal(qualified(name))})`;
const role = (oid: string): string => `CASE ${oid} WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(${oid})) END`;
const grantable = (record: string): string => `CASE WHEN ${record}.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END`;

function block(kind: Kind, [from, to]: readonly [string, string], parts: readonly ((kind: Kind) => string)[]): string {
  return `DO ${literal(`
DECLARE
  source record; target record; one record; item record;
BEGIN
${find(kind, from, "source")}
${find(kind, to, "target")}
  IF source.oid IS NULL OR target.oid IS NULL THEN RETURN; END IF;
${parts.map((part) => part(kind)).join("\n")}
END`)}`;
}

/** What was never granted to or taken from anybody is what PostgreSQL gives to each new object. */
function find({ catalog, prefix, acl, name }: Kind, oid: string, into: string): string {
  return `
  SELECT c.oid, c.${prefix}owner AS owner, COALESCE(c.${prefix}acl, acldefault('${acl}', c.${prefix}owner)) AS acl, n.oid AS schema_oid,
         n.nspname AS schema, ${name} AS name, obj_description(c.oid, '${catalog}') AS said
  INTO ${into} FROM ${catalog} c JOIN pg_namespace n ON n.oid = c.${prefix}namespace WHERE c.oid = ${oid};`;
}

/** Who is to own it must be able to make it there, at that moment. */
function ownerOf(kind: Kind): string {
  return `
  IF target.owner <> source.owner THEN
    IF has_schema_privilege(source.owner, target.schema_oid, 'CREATE') THEN
      EXECUTE format('ALTER ${kind.word} %s OWNER TO %I', target.name, pg_get_userbyid(source.owner));
    ELSE
      EXECUTE format('GRANT CREATE ON SCHEMA %I TO %I', target.schema, pg_get_userbyid(source.owner));
      EXECUTE format('ALTER ${kind.word} %s OWNER TO %I', target.name, pg_get_userbyid(source.owner));
      EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM %I', target.schema, pg_get_userbyid(source.owner));
    END IF;
    ${find(kind, "target.oid", "target")}
  END IF;`;
}

function privilegesOf({ grantWord }: Kind): string {
  const sorted = (acl: string): string => `(SELECT array_agg(a::text ORDER BY a::text) FROM unnest(${acl}) a)`;
  return `
  IF ${sorted("source.acl")} IS DISTINCT FROM ${sorted("target.acl")} THEN
    FOR one IN SELECT DISTINCT grantee FROM aclexplode(target.acl) LOOP
      EXECUTE format('REVOKE ALL ON ${grantWord} %s FROM %s', target.name, ${role("one.grantee")});
    END LOOP;
    FOR one IN SELECT grantee, privilege_type, is_grantable FROM aclexplode(source.acl) LOOP
      EXECUTE format('GRANT %s ON ${grantWord} %s TO %s%s', one.privilege_type, target.name, ${role("one.grantee")}, ${grantable("one")});
    END LOOP;
  END IF;`;
}

function sayingsOf({ catalog, word }: Kind): string {
  return `
  IF target.said IS DISTINCT FROM source.said THEN EXECUTE format('COMMENT ON ${word} %s IS %L', target.name, source.said); END IF;
  FOR one IN SELECT provider, label FROM pg_seclabel WHERE objoid = source.oid AND classoid = '${catalog}'::regclass AND objsubid = 0 LOOP
    EXECUTE format('SECURITY LABEL FOR %I ON ${word} %s IS %L', one.provider, target.name, one.label);
  END LOOP;`;
}

function columnsOf(names: ReadonlyMap<string, string>, only?: string): string {
  const renamed = `${literal(JSON.stringify(Object.fromEntries(names)))}::jsonb ->> a.attname`;
  return `
  FOR one IN
    SELECT a.attacl AS acl, b.attname AS name, col_description(a.attrelid, a.attnum) AS said, col_description(b.attrelid, b.attnum) AS said_before
    FROM pg_attribute a JOIN pg_attribute b ON b.attrelid = target.oid AND b.attname = COALESCE(${renamed}, a.attname) AND b.attnum > 0
    WHERE a.attrelid = source.oid AND a.attnum > 0 AND NOT a.attisdropped${only === undefined ? "" : ` AND a.attname = ${literal(only)}`}
  LOOP
    FOR item IN SELECT * FROM aclexplode(one.acl) LOOP
      EXECUTE format('GRANT %s (%I) ON %s TO %s%s', item.privilege_type, one.name, target.name, ${role("item.grantee")}, ${grantable("item")});
    END LOOP;
    IF one.said IS DISTINCT FROM one.said_before THEN EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', target.name, one.name, one.said); END IF;
  END LOOP;`;
}

/** Of views alone: a view that stands for a table has the table's. */
const DEFAULTS = `
  FOR one IN
    SELECT a.attname AS name, pg_get_expr(d.adbin, d.adrelid) AS value FROM pg_attrdef d
    JOIN pg_class c ON c.oid = d.adrelid JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    JOIN pg_attribute b ON b.attrelid = target.oid AND b.attname = a.attname AND NOT b.atthasdef
    WHERE d.adrelid = source.oid AND c.relkind = 'v'
  LOOP
    EXECUTE format('ALTER VIEW %s ALTER COLUMN %I SET DEFAULT %s', target.name, one.name, one.value);
  END LOOP;`;

/** Of views alone: a table's own ones fire under its view. */
const TRIGGERS = `
  FOR one IN
    SELECT pg_get_triggerdef(t.oid) AS made FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE t.tgrelid = source.oid AND c.relkind = 'v' AND NOT t.tgisinternal
      AND NOT EXISTS (SELECT FROM pg_trigger o WHERE o.tgrelid = target.oid AND o.tgname = t.tgname)
  LOOP
    EXECUTE replace(one.made, ' ON ' || source.name || ' ', ' ON ' || target.name || ' ');
  END LOOP;`;
