import { HitlessError } from "../../base/error.ts";
import { SESSION_URL } from "../../base/session-move.ts";
import type { Backend, OpenArguments } from "./backend.ts";
import { movingBackend } from "./moving-backend.ts";
import { mssqlBackend } from "./mssql-backend.ts";
import { leaveMark, orderedMove } from "./ordered-move.ts";
import { postgresBackend } from "./postgres-backend.ts";
import { redisBackend } from "./redis-backend.ts";

/**
 * A store, or the two between which sessions move: as the application says, or else as Hitless has told this instance.
 * @throws ERR_USAGE for a URL that is not understood, or for two moves at once
 */
export function openerOf(url: string, own: Moving): Opener {
  const order = own.moveTo === undefined && own.moveFrom === undefined ? orderedMove(url, process.env) : null;
  const { moveTo, moveFrom } = order ?? own;
  const openOwn = backendFor(url);
  const other = moveTo ?? moveFrom;
  if (other === undefined) return openOwn;
  if (moveTo !== undefined && moveFrom !== undefined) {
    throw new HitlessError({
      code: "ERR_USAGE",
      what: "The session store has both `moveTo` and `moveFrom`.",
      next: "Sessions move to the one, or from the other: docs/sessions.md.",
    });
  }
  const openOther = backendFor(other);
  const [openOld, openNext, reads] =
    moveTo === undefined ? [openOther, openOwn, "next" as const] : [openOwn, openOther, "old" as const];
  return async (prefix, onError, patience) => {
    const opened: Backend[] = [];
    try {
      for (const open of [openOld, openNext]) opened.push(await open(prefix, onError, patience));
      if (order !== null) await leaveMark(order, prefix, (marks) => openNext(marks, onError));
    } catch (error) {
      await Promise.all(opened.map((backend) => backend.close()));
      throw error;
    }
    const [old, next] = opened as [Backend, Backend];
    return movingBackend({ old, next, reads });
  };
}

/** See `SessionStoreOptions`. */
interface Moving {
  readonly moveTo?: string | undefined;
  readonly moveFrom?: string | undefined;
}

type Opener = (...how: OpenArguments) => Promise<Backend>;
type Open = (url: string, ...how: OpenArguments) => Promise<Backend>;

const SCHEMES: Readonly<Record<string, readonly [open: Open, protocol: string]>> = {
  "redis:": [redisBackend, "redis:"],
  "rediss:": [redisBackend, "rediss:"],
  "hitless:": [redisBackend, "redis:"],
  "postgres:": [postgresBackend, "postgres:"],
  "postgresql:": [postgresBackend, "postgres:"],
  "mssql:": [mssqlBackend, "mssql:"],
};

/** How the store behind a URL is opened. @throws ERR_USAGE for one that is not understood */
export function backendFor(text: string): Opener {
  const named = text === "hitless://" ? (process.env[SESSION_URL] ?? "") : text;
  const url = URL.parse(named);
  const found = url === null ? undefined : SCHEMES[url.protocol];
  if (url !== null && found !== undefined) {
    const [open, protocol] = found;
    return (...how) => open(`${protocol}${named.slice(url.protocol.length)}`, ...how);
  }
  throw new HitlessError({
    code: "ERR_USAGE",
    what: url === null ? "The URL of the session store is not a URL." : `There is no session store for ${url.protocol}//.`,
    ...(text === "hitless://" ? { why: "HITLESS_SESSION_URL is not set." } : {}),
    next: `There are ${Object.keys(SCHEMES)
      .map((scheme) => `${scheme}//`)
      .join(", ")}.`,
  });
}
