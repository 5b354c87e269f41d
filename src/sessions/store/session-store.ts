import { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import type { Backend } from "./backend.ts";
import { openerOf } from "./backends.ts";
import { decodeSession, encodeSession, type SessionData, type SessionFormat } from "./format.ts";

export interface SessionStoreOptions {
  /** In front of every id. Default: `sess:`. */
  readonly prefix?: string | undefined;
  /** For sessions whose cookie ends with the browser, in ms. Default: a day. */
  readonly ttlMs?: number | undefined;
  readonly format?: SessionFormat | undefined;
  /**
   * While sessions move to another store (docs/sessions.md): its URL. Everything is written into both. With `moveTo` it is the new one and this store's own URL is read; with
   * `moveFrom` it is the old one.
   */
  readonly moveTo?: string | undefined;
  readonly moveFrom?: string | undefined;
  /** Kept with what is written. Default: $HITLESS_RELEASE. */
  readonly release?: string | undefined;
}

type Done<T = unknown> = (error?: unknown, result?: T) => void;

const DAY_MS = 86_400_000;
const PLAIN: SessionFormat = { version: 1 };

/**
 * express-session asks its stores for methods of its own class, and Fastify's does not: where express-session is installed, the store is one of its own.
 */
const Base: new () => EventEmitter = baseClass();

/**
 * A store for express-session and @fastify/session, over whatever the URL names. It connects at once; calls wait until it has. What goes wrong with the connection is told as
 * `problem`; never as `disconnect`, which makes express-session go on without sessions, as if nobody were logged in.
 */
export class SessionStore extends Base {
  readonly #open: () => Promise<Backend>;
  #backend: Promise<Backend> | null = null;
  readonly #format: SessionFormat;
  readonly #ttlMs: number;
  readonly #release: string | undefined;

  /** @throws ERR_USAGE for a URL it does not understand */
  constructor(url: string, options: SessionStoreOptions = {}) {
    super();
    const { prefix = "sess:", ttlMs = DAY_MS, format = PLAIN, release = process.env["HITLESS_RELEASE"] } = options;
    this.#format = format;
    this.#ttlMs = ttlMs;
    this.#release = release;
    const open = openerOf(url, options);
    this.#open = () =>
      open(prefix, (error) => {
        this.emit("problem", error);
      });
    this.#connected().catch((error: unknown) => this.emit("problem", error));
  }

  get(id: string, done?: Done<SessionData | null>): Promise<SessionData | null> {
    return answer(done, async () => {
      const text = await (await this.#connected()).get(id);
      return text === null ? null : decodeSession(text, this.#format);
    });
  }

  set(id: string, session: object, done?: Done<undefined>): Promise<undefined> {
    return answer(done, async () => {
      const ttlMs = this.#ttlOf(session);
      const backend = await this.#connected();
      if (ttlMs <= 0) await backend.remove(id);
      else await backend.set(id, encodeSession(session as SessionData, this.#format, this.#release), ttlMs);
      return undefined;
    });
  }

  /** The session was used: it lives on. */
  touch(id: string, session: object, done?: Done<undefined>): Promise<undefined> {
    return answer(done, async () => {
      const ttlMs = this.#ttlOf(session);
      if (ttlMs > 0) await (await this.#connected()).touch(id, ttlMs);
      return undefined;
    });
  }

  destroy(id: string, done?: Done<undefined>): Promise<undefined> {
    return answer(done, async () => {
      await (await this.#connected()).remove(id);
      return undefined;
    });
  }

  length(done?: Done<number>): Promise<number> {
    return answer(done, async () => (await (await this.#connected()).ids()).length);
  }

  clear(done?: Done<undefined>): Promise<undefined> {
    return answer(done, async () => {
      await (await this.#connected()).clear();
      return undefined;
    });
  }

  async close(): Promise<void> {
    await (await this.#connected()).close();
  }

  /** One that could not be reached is tried again with the next call. */
  #connected(): Promise<Backend> {
    this.#backend ??= this.#open().catch((error: unknown) => {
      this.#backend = null;
      throw error;
    });
    return this.#backend;
  }

  /** As long as its cookie. */
  #ttlOf(session: object): number {
    const { cookie } = session as { cookie?: { expires?: Date | string | number | null | false } };
    const expires = cookie?.expires;
    if (expires === undefined || expires === null || expires === false) return this.#ttlMs;
    return new Date(expires).getTime() - Date.now();
  }
}

/**
 * `redis://`, `rediss://`, `hitless://` (a state server of Hitless; without a host the one that Hitless has started for the app), `postgres://` or
 * `mssql://`.
 * @throws ERR_USAGE
 */
export function sessionStore(url: string, options?: SessionStoreOptions): SessionStore {
  return new SessionStore(url, options);
}

/** express-session and Fastify give a callback; others may wait for the promise. */
async function answer<T>(done: Done<T> | undefined, work: () => Promise<T>): Promise<T> {
  if (done === undefined) return work();
  let result: T;
  try {
    result = await work();
  } catch (error) {
    done(error);
    return undefined as T;
  }
  // Not within the promise: what the callback throws is not ours to catch.
  setImmediate(done, null, result);
  return result;
}

function baseClass(): new () => EventEmitter {
  try {
    const found = createRequire(import.meta.url)("express-session") as { Store: new () => EventEmitter };
    return found.Store;
  } catch {
    return EventEmitter;
  }
}
