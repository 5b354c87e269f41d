import { releaseName } from "../../base/names.ts";
import type { ChangeSet } from "../../database/change-set.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database, OldestSession, ReleaseConnections, UnnamedConnections } from "../../ports/database.ts";

/** Two looks are so far apart, in milliseconds. */
export const LOOK_EVERY_MS = 1_000;

/** Who might still use what the contract of a release removes. */
export interface Usage {
  /** The release whose contract waits. */
  readonly release: number;
  readonly older: readonly ReleaseConnections[];
  readonly unnamed: readonly UnnamedConnections[];
  /** Of the routines that it removes, so far. */
  readonly calls: number;
}

export interface Place {
  readonly app: string;
  readonly url: string;
}

export async function usageOf(database: Database, { app, url }: Place, set: ChangeSet): Promise<Usage> {
  const [connections, unnamed, calls] = await Promise.all([
    database.connections(url, app),
    database.unnamed(url, app, set.release),
    database.calls(url, set),
  ]);
  return { release: set.release, older: connections.filter(({ release }) => release < set.release), unnamed, calls };
}

/** Why the contract has to wait, by what was seen now and at the look before; none: nobody is left. `who`: with the session that was there first. */
export function stillUsed(now: Usage, before: Usage | null, who = false): readonly string[] {
  const named = (oldest: OldestSession | undefined): string => (who && oldest !== undefined ? `: ${sessionText(oldest)}` : "");
  const called = before === null || before.release !== now.release ? 0 : now.calls - before.calls;
  return [
    ...now.older.map(
      ({ release, connections, oldest }) => `${releaseName(release)} is connected (${String(connections)})${named(oldest)}`,
    ),
    ...now.unnamed.map(
      ({ application, connections, oldest }) =>
        `${application === "" ? "a client without a name" : application} (${String(connections)}) does not say whose it is, and was there before ${releaseName(now.release)}${named(oldest)}`,
    ),
    ...(called === 0 ? [] : [`routines that only older releases know were called ${String(called)} times just now`]),
  ];
}

function sessionText({ pid, query, ageMs }: OldestSession): string {
  const what = query.replace(/\s+/g, " ");
  return `pid ${String(pid)}, for ${String(Math.round(ageMs / 1000))} s, last with ${what}; SELECT pg_terminate_backend(${String(pid)}) ends it`;
}

/** Looks twice, a second apart: what is used only now and then is seen by its counter. `force`: whoever does not say whose it is counts for nothing. */
export async function lookTwice(
  database: Database,
  place: Place,
  { set, clock, force }: { readonly set: ChangeSet; readonly clock: Clock; readonly force: boolean },
): Promise<readonly string[]> {
  const look = async (): Promise<Usage> => {
    const usage = await usageOf(database, place, set);
    return force ? { ...usage, unnamed: [] } : usage;
  };
  const before = await look();
  const first = stillUsed(before, null, true);
  if (first.length > 0) return first;
  await clock.sleepUntil(clock.now() + LOOK_EVERY_MS, new AbortController().signal);
  return stillUsed(await look(), before, true);
}
