import { HitlessError } from "../../base/error.ts";
import { releaseName } from "../../base/names.ts";
import type { ReleaseSession } from "../../database/release-url.ts";
import type { Database } from "../../ports/database.ts";

/** How an instance of a release reaches its database. */
export interface OpenSession {
  readonly session: ReleaseSession;
  readonly url: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Poolers that refuse what they do not pass on say so while the session is opened. */
const REFUSED = /unsupported startup parameter/i;

/**
 * Connects once as the instance will, before it is started: a release that would write as another one must not get traffic.
 * @throws ERR_DATABASE_SESSION
 */
export async function checkSession(database: Database, { session, url }: OpenSession): Promise<void> {
  const { app, release, searchPath } = session;
  const sight = await database.sight(url, app).catch((error: unknown) => {
    if (error instanceof HitlessError && REFUSED.test(error.failure.why ?? "")) throw wrong(release, error.failure.why ?? "");
    throw error;
  });
  if (sight.release !== release) {
    const who = sight.release === null ? "no release" : releaseName(sight.release);
    throw wrong(release, `The session is of ${who}: \`hitless.release\` did not get through.`);
  }
  if (sight.schemas.join() !== searchPath.join()) {
    const seen = sight.schemas.length === 0 ? "no schema" : sight.schemas.join(", ");
    throw wrong(release, `Names are looked up in ${seen}, and not in ${searchPath.join(", ")}.`);
  }
}

function wrong(release: number, why: string): HitlessError {
  return new HitlessError({
    code: "ERR_DATABASE_SESSION",
    what: `A session of ${releaseName(release)} would not see the database as ${releaseName(release)}.`,
    why,
    next: 'Where a pooler takes the options of DATABASE_URL away, set `database: { identity: "role", directVariable: … }`. The instance was not started.',
  });
}
