import { hash, randomBytes } from "node:crypto";
import { escaped } from "./head-fields.ts";

/** A session as a head has it. The value is there as a keyed hash alone: nothing can be learnt from it, or compared with another process'. */
export interface SeenSession {
  readonly name: string;
  readonly hash: string;
}

/** What an answer does to sessions. */
export interface SetSession extends SeenSession {
  /** The cookie is taken back. */
  readonly ends: boolean;
}

const KEY = randomBytes(16).toString("latin1");
const COOKIES = /\r\n[cC]ookie:[\t ]*([^\r]*)/;
/** As frameworks call them: connect.sid, sessionid, JSESSIONID, PHPSESSID, ASP.NET_SessionId, _shop_session, laravel_session, sid. Bounded, so that no name can make it slow. */
const USUAL = "[^=;\\r ]{0,40}sess[^=;\\r ]{0,40}|(?:[^=;\\r ]{0,40}[._-])?sid";
const ENDS = /;\s*max-age=0|;\s*expires=[^;]* 1970 /i;

/** Finds session cookies in heads, by the names that are configured or that frameworks use. */
export class SessionCookies {
  readonly #carried: RegExp;
  readonly #set: RegExp;

  /** `names` undefined: as frameworks call them. */
  constructor(names?: readonly string[]) {
    const name = names === undefined ? USUAL : names.map(escaped).join("|");
    const flags = names === undefined ? "i" : "";
    this.#carried = new RegExp(`(?:^|[; ])(${name})=([^;]+)`, flags);
    this.#set = new RegExp(`\\r\\n[sS]et-[cC]ookie:[\\t ]*(${name})=([^;\\r]*)([^\\r]*)`, flags);
  }

  /** Null where the request carries none. `forward` is the text of a RequestHead. */
  carried(forward: string): SeenSession | null {
    const line = COOKIES.exec(forward)?.[1];
    const match = line === undefined ? null : this.#carried.exec(line);
    return match === null ? null : seen(match[1] ?? "", match[2] ?? "");
  }

  /** Null where the answer sets none. `forward` is the text of a ResponseHead. */
  set(forward: string): SetSession | null {
    const match = this.#set.exec(forward);
    if (match === null) return null;
    const [, name = "", value = "", attributes = ""] = match;
    return { ...seen(name, value), ends: value === "" || ENDS.test(attributes) };
  }
}

function seen(name: string, value: string): SeenSession {
  return { name, hash: hash("sha256", `${KEY}${name}=${value.trim()}`, "base64").slice(0, 16) };
}
