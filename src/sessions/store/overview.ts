import { setTimeout as sleep } from "node:timers/promises";
import type { Backend, StoredSession } from "./backend.ts";
import { releaseOf } from "./format.ts";

/** What is in a session store. */
export interface StoreOverview {
  readonly count: number;
  /** Commands in a second, those of other users of the store and of this look included; null where the store does not count them. */
  readonly ratePerSecond: number | null;
  readonly memoryBytes: number | null;
  /** For how long the one that was used least lately has not been, among those that tell it; null: none does. */
  readonly oldestMs: number | null;
  /** So many tell it: those that say for how long a use keeps them. */
  readonly aged: number;
  /** Of so many that were looked at: the newest writer of each. Null: it has left no name. */
  readonly looked: number;
  readonly byRelease: readonly { readonly release: string | null; readonly count: number }[];
}

const RATE_MS = 1_000;
const READ_COUNT = 500;
/** A look must not weigh on the store: of more sessions than these, so many are read. */
const READ_MAX = 20_000;

export async function overview(backend: Backend): Promise<StoreOverview> {
  const before = await backend.figures();
  const begun = performance.now();
  await sleep(RATE_MS);
  const { commands, memoryBytes } = await backend.figures();
  const seconds = (performance.now() - begun) / 1000;
  const ids = await backend.ids();
  const sessions = await readSome(backend, ids);
  return {
    count: ids.length,
    ratePerSecond: commands === null || before.commands === null ? null : (commands - before.commands) / seconds,
    memoryBytes,
    ...idleness(sessions),
    looked: sessions.length,
    byRelease: byRelease(sessions),
  };
}

async function readSome(backend: Backend, ids: readonly string[]): Promise<readonly StoredSession[]> {
  const found: StoredSession[] = [];
  for (let from = 0; from < Math.min(ids.length, READ_MAX); from += READ_COUNT)
    found.push(...(await backend.read(ids.slice(from, from + READ_COUNT))));
  return found;
}

export function idleness(sessions: readonly StoredSession[]): Pick<StoreOverview, "oldestMs" | "aged"> {
  const known = sessions.map(unusedFor).filter((ms) => ms !== null);
  return { oldestMs: known.length === 0 ? null : known.reduce((oldest, ms) => Math.max(oldest, ms), 0), aged: known.length };
}

/** Each use begins its time anew. Null: how long that was is not said, and the rest of it tells nothing. */
function unusedFor({ text, ttlMs }: StoredSession): number | null {
  const lifetime = lifetimeOf(text);
  return ttlMs === null || lifetime === null ? null : Math.max(0, lifetime - ttlMs);
}

/** As express-session and its like write it. Cookies that end with the browser have none: what a store gives them is its own affair. */
function lifetimeOf(text: string): number | null {
  try {
    const { cookie } = JSON.parse(text) as { cookie?: { originalMaxAge?: unknown; expires?: unknown } };
    return typeof cookie?.originalMaxAge === "number" && typeof cookie.expires === "string" ? cookie.originalMaxAge : null;
  } catch {
    return null;
  }
}

function byRelease(sessions: readonly StoredSession[]): StoreOverview["byRelease"] {
  const counts = new Map<string | null, number>();
  for (const { text } of sessions) {
    const release = releaseOf(text);
    counts.set(release, (counts.get(release) ?? 0) + 1);
  }
  return [...counts].map(([release, count]) => ({ release, count })).toSorted((a, b) => b.count - a.count);
}
