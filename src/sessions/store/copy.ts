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

/** Copies as `copyAll`, between the stores of two URLs; gives the number of sessions. @throws ERR_USAGE for a URL it does not understand */
export async function copySessions({ from, to, prefix = "sess:", onProgress }: CopyOptions): Promise<number> {
  // What cannot be done for lack of a connection fails by itself.
  const onError = (): void => undefined;
  const [openOld, openNext] = [backendFor(from), backendFor(to)];
  const old = await openOld(prefix, onError);
  try {
    const next = await openNext(prefix, onError);
    try {
      return await copyAll(old, next, onProgress ?? (() => undefined));
    } finally {
      await next.close();
    }
  } finally {
    await old.close();
  }
}

/**
 * Copies all sessions from the old store to the new one, each with what is left of its time, while everybody writes into both and reads the old one
 * (`movingBackend`): for a moment the new one may have a session that was destroyed just then. What it has already is newer, and stays. Safe to repeat, also after a half one.
 */
export async function copyAll(old: Backend, next: Backend, onProgress: (progress: CopyProgress) => void): Promise<number> {
  const ids = await old.ids();
  for (let from = 0; from < ids.length; from += BATCH) {
    const batch = ids.slice(from, from + BATCH);
    await Promise.all((await old.read(batch)).map((session) => copyOne(old, next, session)));
    onProgress({ done: from + batch.length, total: ids.length });
  }
  return ids.length;
}

/**
 * Changes are made in the old store first. So whatever happened to the session before the last look at the old store is seen by that look, and whatever comes after it is
 * done to the copy too.
 */
async function copyOne(old: Backend, next: Backend, read: StoredSession): Promise<void> {
  const { id } = read;
  await next.add(id, read.text, read.ttlMs);
  for (let copied = read; ;) {
    const [now] = await old.read([id]);
    if (now === undefined) {
      // It was destroyed, or has expired: the copy must not bring it back. Unless somebody begins it anew at this very moment.
      await next.remove(id);
      const [again] = await old.read([id]);
      if (again === undefined) return;
      await next.add(id, again.text, again.ttlMs);
      copied = again;
    } else if (livesLonger(now, copied)) {
      await next.touch(id, now.ttlMs);
      copied = now;
    } else return;
  }
}

function livesLonger(now: StoredSession, before: StoredSession): now is StoredSession & { readonly ttlMs: number } {
  return now.ttlMs !== null && before.ttlMs !== null && now.ttlMs > before.ttlMs + SLACK_MS;
}
