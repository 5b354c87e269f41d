import type { Database } from "../data/database.ts";
import type { Entry, Fields } from "../data/entry.ts";
import type { Keyspace } from "../data/keyspace.ts";
import type { AspNetReply } from "./reply.ts";
import type { AspNetRequest } from "./request-reader.ts";

export interface AspNetSessionsOptions {
  readonly keyspace: Keyspace;
  /** Tries to make room; true if there is. */
  readonly hasRoom: () => boolean;
  /** Why nothing can be written at the moment; null if it can. */
  readonly unwritable: () => string | null;
}

const PREFIX = "aspnet:";
const MINUTE_MS = 60_000;
/** What ASP.NET allows: a year. */
const MINUTES_MAX = 525_600;
/** A session that was used a moment ago need not be written again to live on. */
const SLIDE_MS = 1_000;
const COOKIE_MAX = 2_147_483_647;
/** .NET counts in 100 ns from the year 1. */
const TICKS_PER_MS = 10_000n;
const TICKS_1970 = 621_355_968_000_000_000n;

const OK: AspNetReply = { status: 200 };
const NOT_FOUND: AspNetReply = { status: 404 };
const BAD: AspNetReply = { status: 400 };
const UNAVAILABLE: AspNetReply = { status: 503 };

interface Found {
  readonly key: string;
  readonly entry: Entry;
  readonly hash: Fields;
}

/**
 * What the ASP.NET State Server Protocol does with sessions ([MS-ASP] 3.1.5). Each is a hash: `data`, `minutes` it lives without being used, `flags` (1: the client has to
 * initialise it), `cookie` (the number of the last lock) and `lockedAt` (ms since 1970; 0 if it is not locked). Locks have no end of their own: a client that has waited long
 * enough, by LockAge, releases the lock of another with the cookie that it was told.
 */
export class AspNetSessions {
  readonly #options: AspNetSessionsOptions;
  readonly #database: Database;

  constructor(options: AspNetSessionsOptions) {
    this.#options = options;
    this.#database = options.keyspace.databases[0] as Database;
  }

  /** `now`: ms since 1970. */
  run(request: AspNetRequest, now: number): AspNetReply {
    const { keyspace, unwritable } = this.#options;
    keyspace.now = now;
    const { method, fields } = request;
    const exclusive = fields.get("exclusive")?.toLowerCase();
    if (method === "GET" && exclusive === undefined) return this.#get(request);
    // All others write.
    if (unwritable() !== null) return UNAVAILABLE;
    if (method === "GET" && exclusive === "acquire") return this.#acquire(request);
    if (method === "GET" && exclusive === "release") return this.#whoseLock(request, this.#release);
    if (method === "PUT") return this.#set(request);
    if (method === "DELETE") return this.#whoseLock(request, this.#remove);
    if (method === "HEAD") return this.#touch(request);
    return BAD;
  }

  #get({ id }: AspNetRequest): AspNetReply {
    const found = this.#find(id);
    if (found === null) return NOT_FOUND;
    if (isLocked(found)) return this.#locked(found);
    if (this.#options.unwritable() === null) this.#used(found);
    return this.#content(found);
  }

  #acquire({ id }: AspNetRequest): AspNetReply {
    const { keyspace } = this.#options;
    const found = this.#find(id);
    if (found === null) return NOT_FOUND;
    if (isLocked(found)) return this.#locked(found);
    const cookie = (number(found, "cookie") % COOKIE_MAX) + 1;
    keyspace.setFields(this.#database, found.key, ["cookie", String(cookie), "lockedAt", String(keyspace.now)]);
    this.#used(found);
    return this.#content(found, { LockCookie: cookie });
  }

  readonly #release = (found: Found): AspNetReply => {
    if (isLocked(found)) this.#options.keyspace.setFields(this.#database, found.key, ["lockedAt", "0"]);
    this.#used(found);
    return OK;
  };

  readonly #remove = ({ key }: Found): AspNetReply => {
    this.#options.keyspace.remove(this.#database, key);
    return OK;
  };

  /** Writing releases the lock: ASP.NET sends nothing else for it (SetAndReleaseItemExclusive). */
  #set({ id, fields, content }: AspNetRequest): AspNetReply {
    const { keyspace, hasRoom } = this.#options;
    const minutes = integer(fields.get("timeout"));
    const flags = integer(fields.get("extraflags") ?? "0");
    if (minutes === null || minutes < 1 || minutes > MINUTES_MAX || flags === null || flags > 1) return BAD;
    const found = this.#find(id);
    if (found !== null) {
      const refusal = this.#refusal(found, fields);
      if (refusal !== null) return refusal;
      // An empty session that a client is still to initialise must not take the place of one that is there.
      if (flags === 1) return OK;
    }
    if (!hasRoom()) return UNAVAILABLE;
    const [key, cookie] = [PREFIX + id, found === null ? 0 : number(found, "cookie")];
    // Something else may stand there, by way of the Redis protocol.
    if (found === null) keyspace.remove(this.#database, key);
    const values = { data: content, minutes, flags, cookie, lockedAt: 0 };
    keyspace.setFields(
      this.#database,
      key,
      Object.entries(values).flatMap(([name, value]) => [name, String(value)]),
    );
    const entry = this.#database.entries.get(key);
    if (entry !== undefined) keyspace.setExpiry(this.#database, key, entry, keyspace.now + minutes * MINUTE_MS);
    return OK;
  }

  #touch({ id }: AspNetRequest): AspNetReply {
    const found = this.#find(id);
    if (found === null) return NOT_FOUND;
    this.#used(found);
    return OK;
  }

  /** Only who has the lock may. */
  #whoseLock({ id, fields }: AspNetRequest, then: (found: Found) => AspNetReply): AspNetReply {
    if (integer(fields.get("lockcookie")) === null) return BAD;
    const found = this.#find(id);
    if (found === null) return NOT_FOUND;
    return this.#refusal(found, fields) ?? then(found);
  }

  /** A client whose lock was taken from it must not overwrite what came after; where there is no lock, a cookie need not be sent. */
  #refusal(found: Found, fields: ReadonlyMap<string, string>): AspNetReply | null {
    const text = fields.get("lockcookie");
    const cookie = integer(text);
    if (text !== undefined && cookie === null) return BAD;
    if (cookie === null) return isLocked(found) ? this.#locked(found) : null;
    return cookie === number(found, "cookie") ? null : this.#locked(found);
  }

  #content(found: Found, lock: AspNetReply["fields"] = {}): AspNetReply {
    const isNew = number(found, "flags") === 1;
    if (isNew && this.#options.unwritable() === null) this.#options.keyspace.setFields(this.#database, found.key, ["flags", "0"]);
    return {
      status: 200,
      fields: { Timeout: number(found, "minutes"), ...(isNew ? { ActionFlags: 1 } : {}), ...lock },
      content: found.hash.get("data") ?? "",
    };
  }

  #locked(found: Found): AspNetReply {
    const at = number(found, "lockedAt") || this.#options.keyspace.now;
    return {
      status: 423,
      fields: {
        LockCookie: number(found, "cookie"),
        LockAge: Math.max(0, Math.floor((this.#options.keyspace.now - at) / 1000)),
        LockDate: BigInt(at) * TICKS_PER_MS + TICKS_1970,
      },
    };
  }

  /** It lives on. */
  #used({ key, entry, hash }: Found): void {
    const { keyspace } = this.#options;
    const until = keyspace.now + Number(hash.get("minutes")) * MINUTE_MS;
    if (Math.abs(until - entry.expireAt) >= SLIDE_MS) keyspace.setExpiry(this.#database, key, entry, until);
  }

  #find(id: string): Found | null {
    const key = PREFIX + id;
    const entry = this.#options.keyspace.find(this.#database, key);
    if (entry === undefined || typeof entry.value === "string") return null;
    const found = { key, entry, hash: entry.value };
    return integer(found.hash.get("minutes")) === null ? null : found;
  }
}

function isLocked(found: Found): boolean {
  return number(found, "lockedAt") > 0;
}

function number({ hash }: Found, name: string): number {
  return integer(hash.get(name)) ?? 0;
}

/** At most what a session's numbers can be; null for anything else. */
function integer(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
