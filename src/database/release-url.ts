import { ident } from "./names.ts";

export interface ReleaseSession {
  readonly app: string;
  readonly release: number;
  /** Schemas in which names are looked up, first match first. */
  readonly searchPath: readonly string[];
}

/**
 * The URL by which an instance reaches the database as its release sees it: where names are looked up, and whose writes they are, travel as
 * options of the connection (libpq's `options`), so that the application changes nothing.
 */
export function releaseUrl(url: string, { app, release, searchPath }: ReleaseSession): string {
  const parsed = new URL(url);
  const settings = [
    `search_path=${searchPath.map(ident).join(",")}`,
    `hitless.app=${app}`,
    `hitless.release=r${String(release)}`,
  ].map((setting) => `-c ${setting.replace(/([\\ ])/g, "\\$1")}`);
  const given = parsed.searchParams.get("options");
  const query = [...parsed.searchParams].filter(([key]) => key !== "options" && key !== "schema");
  query.push(["options", [...(given === null ? [] : [given]), ...settings].join(" ")]);
  return withQuery(parsed, query, { app, release });
}

/** The same for a pooler that passes no options on: the role that logs in says whose session it is, and has its `search_path`. */
export function urlOfRole(url: string, role: string, { app, release }: ReleaseSession): string {
  const parsed = new URL(url);
  parsed.username = role;
  return withQuery(parsed, [...parsed.searchParams], { app, release });
}

/** PostgreSQL cuts longer names. */
const NAME_BYTES = 63;

/** A name of the application's own stays in front of the one that says whose session it is. */
function withQuery(
  parsed: URL,
  given: readonly (readonly [string, string])[],
  { app, release }: Pick<ReleaseSession, "app" | "release">,
): string {
  const tag = `${app}.r${String(release)}`;
  const own = (parsed.searchParams.get("application_name") ?? "").slice(0, NAME_BYTES - tag.length - 1);
  const named = ["application_name", own === "" ? tag : `${own} ${tag}`] as const;
  // Blanks as %20: not every driver reads a plus as one.
  parsed.search = [...given.filter(([key]) => key !== "application_name"), named]
    .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`)
    .join("&");
  return parsed.href;
}
