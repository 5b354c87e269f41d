/** Schemas that are not the application's: PostgreSQL's, and Hitless' own with its overlays. */
export const OURS = String.raw`n.nspname !~ '^(pg_|hitless$|hitless_.*_r\d+$)' AND n.nspname <> 'information_schema'`;

/** Objects of extensions belong to them. */
export const OWN = (classId: string, oid: string): string =>
  `NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '${classId}'::regclass AND d.objid = ${oid} AND d.deptype = 'e')`;
