import { setTimeout as sleep } from "node:timers/promises";
import type { Backend, StoredSession } from "./backend.ts";
import { releaseOf } from "./format.ts";

/** What is in a session store. */
export interface StoreOverview {
  readonly count: number;
  /** Commands in a second, those of other users of the store and of this look included; null where the store does not count them. */
  readonly ratePerSecond: number | null;
  readonly memoryBytes: number | null;
  /** For how long the one that was used least lately has not been; null without sessions. */
  readonly oldestMs: number | null;
  /** Of so many that were looked at: the newest writer of each. Null: it has left no name. */
  readonly looked: number;
  readonly byRelease: readonly { readonly release: string | null; readonly count: number }[];
}

const RATE_MS = 1_000;
const READ_COUNT = 500;
/** A look must not weigh on the store: of more sessions than these, so many are read. */
const READ_MAX = 20_000;
const DAY_MS = 86_400_000;

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
    oldestMs: sessions.length === 0 ? null : sessions.reduce((oldest, session) => Math.max(oldest, unusedFor(session)), 0),
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

/** Each use begins its time anew. */
function unusedFor({ text, ttlMs }: StoredSession): number {
  return ttlMs === null ? 0 : Math.max(0, lifetimeOf(text) - ttlMs);
}

/** As express-session and its like write it; else as long as ours live. */
function lifetimeOf(text: string): number {
  try {
    const { cookie } = JSON.parse(text) as { cookie?: { originalMaxAge?: unknown } };
    return typeof cookie?.originalMaxAge === "number" ? cookie.originalMaxAge : DAY_MS;
  } catch {
    return DAY_MS;
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
