import type { Backend, StoredSession } from "./backend.ts";
import { backendFor } from "./backends.ts";

/** Read at a time. */
const BATCH = 200;
/** A session that lives longer in the old store by more than this was used meanwhile; less is the time that copying takes. */
const SLACK_MS = 1_000;

export interface CopyOptions {
  /** The URLs of the old and of the new store. */
  readonly from: string;
  readonly to: string;
  /** What the ids begin with. Default: `sess:`. */
  readonly prefix?: string | undefined;
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
}

export interface CopyProgress {
  /** Looked at so far. */
  readonly done: number;
  readonly total: number;
}

/**
 * Makes the new store have the sessions of the old one, and no others under the prefix: for as long as everybody writes into both and reads the old one. Gives the number of
 * sessions. @throws ERR_USAGE for a URL it does not understand
 */
export async function copySessions({ from, to, prefix = "sess:", onProgress }: CopyOptions): Promise<number> {
  return withStores([from, to], prefix, async ([old, next]) => {
    const { sessions } = await copyAll(old, next, { onProgress, prefix });
    return sessions;
  });
}

/** Opens the stores of two URLs for as long as the work takes. @throws ERR_USAGE for a URL it does not understand */
export async function withStores<T>(
  urls: readonly [from: string, to: string],
  prefix: string,
  work: (stores: readonly [old: Backend, next: Backend]) => Promise<T>,
): Promise<T> {
  const opened: Backend[] = [];
  try {
    // What cannot be done for lack of a connection fails by itself.
    for (const open of urls.map(backendFor)) opened.push(await open(prefix, () => undefined, "fails"));
    return await work(opened as [Backend, Backend]);
  } finally {
    await Promise.all(opened.map((backend) => backend.close()));
  }
}

interface Copied {
  readonly sessions: number;
  /** Those that the new store did not have as they are, or had alone. */
  readonly written: number;
}

/**
 * Makes the new store have the sessions of the old one as they are, each with what is left of its time, and no others, while everybody writes into both and reads the old one
 * (`movingBackend`): for a moment the new one may have a session that was destroyed just then. What it has otherwise is left from an earlier attempt, or was destroyed through
 * an instance that did not write into both yet, or will be overwritten at once by who is writing it: the old store is right. Safe to repeat, also after a half one; a second
 * time it looks whether all is there.
 */
export async function copyAll(
  old: Backend,
  next: Backend,
  { onProgress = () => undefined, prefix }: Pick<CopyOptions, "onProgress" | "prefix"> = {},
): Promise<Copied> {
  const ids = await old.ids();
  // Whose ids have no prefix of their own may share the new store with others.
  const left = prefix === "" ? [] : await next.ids();
  const all = [...new Set([...ids, ...left])];
  let written = 0;
  for (let from = 0; from < all.length; from += BATCH) {
    const batch = all.slice(from, from + BATCH);
    const [wanted, there] = (await Promise.all([old.read(batch), next.read(batch)])).map(byId) as [ById, ById];
    const lacking = batch.filter((id) => !isSame(wanted.get(id), there.get(id)));
    await Promise.all(lacking.map((id) => copyOne([old, next], id, wanted.get(id))));
    written += lacking.length;
    onProgress({ done: from + batch.length, total: all.length });
  }
  return { sessions: ids.length, written };
}

type ById = ReadonlyMap<string, StoredSession>;
const byId = (sessions: readonly StoredSession[]): ById => new Map(sessions.map((session) => [session.id, session]));

/** Removes from a store that nobody reads any more what is in the other one too: what is left there could come back with a later move. */
export async function discardCopies([left, copies]: readonly [left: Backend, copies: Backend]): Promise<void> {
  const ids = await left.ids();
  for (let from = 0; from < ids.length; from += BATCH)
    await Promise.all(ids.slice(from, from + BATCH).map((id) => copies.remove(id)));
}

/**
 * Changes are made in the old store first. So whatever happened to the session before the last look at the old store is seen by that look, and whatever comes after it is
 * done to the copy too.
 */
async function copyOne([old, next]: readonly [Backend, Backend], id: string, session: StoredSession | undefined): Promise<void> {
  for (let copied = session; ;) {
    if (copied === undefined) await next.remove(id);
    else await put(next, copied);
    const [now]: readonly (StoredSession | undefined)[] = await old.read([id]);
    if (isSame(now, copied)) return;
    copied = now;
  }
}

async function put(next: Backend, { id, text, ttlMs }: StoredSession): Promise<void> {
  if (ttlMs !== null) {
    await next.set(id, text, Math.max(1, Math.round(ttlMs)));
    return;
  }
  await next.remove(id);
  await next.add(id, text, null);
}

/** A copy may live longer than what it is of. */
function isSame(now: StoredSession | undefined, copy: StoredSession | undefined): boolean {
  const [left, known] = [now?.ttlMs ?? null, copy?.ttlMs ?? null];
  const livesLonger = left !== null && known !== null && left > known + SLACK_MS;
  return now?.text === copy?.text && !livesLonger;
}
