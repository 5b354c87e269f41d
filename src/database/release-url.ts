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
  if (!parsed.searchParams.has("application_name")) query.push(["application_name", `${app}.r${String(release)}`]);
  // Blanks as %20: not every driver reads a plus as one.
  parsed.search = query.map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`).join("&");
  return parsed.href;
}
