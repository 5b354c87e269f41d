import { literal } from "./names.ts";

/** The role of a release's own sessions, where a pooler forbids options in the URL: named as its overlay. */
export function releaseRole(app: string, release: number): string {
  return overlayOf(app, String(release));
}

/**
 * SQL: the number of the release whose session this is; null where it is no release of the app. `hitless.release` says it, or the role that has
 * logged in; neither is changed by a function that pins its own `search_path` or is SECURITY DEFINER.
 */
export function sessionRelease(app: string): string {
  const option = `CASE WHEN current_setting('hitless.app', true) = ${literal(app)} THEN substring(current_setting('hitless.release', true) from '^r([0-9]+)$')::int END`;
  return `COALESCE(${option}, substring(session_user::text from ${literal(`^${overlayOf(app, "([0-9]+)")}$`)})::int)`;
}

function overlayOf(app: string, release: string): string {
  return `hitless_${app.replaceAll("-", "_")}_r${release}`;
}
