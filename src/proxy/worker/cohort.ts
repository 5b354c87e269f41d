import { randomBytes } from "node:crypto";
import type { CohortSpec } from "../../core/routing.ts";
import { cookieValues, fieldValues } from "./head-fields.ts";
import type { RequestHead } from "./request-head.ts";

/** Of a cookie; what follows the point is said by `ReleaseSeal`. */
const CLIENT = /^([\w-]{22})(?:\.|$)/;
const COOKIE_BYTES = 16;
const COOKIE_MAX_AGE_S = 30 * 86_400;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** By what a client is told from others while releases are side by side; null: by nothing. */
export interface Cohort {
  readonly value: string;
  /** Fields that make the client keep it, each with its CRLF. */
  readonly fields: string;
}

export interface CohortClient {
  readonly address: string;
  readonly secure: boolean;
}

export function cohortOf({ by, name }: CohortSpec, { forward }: RequestHead, client: CohortClient): Cohort | null {
  if (by === "ip") return { value: client.address, fields: "" };
  if (by === "header") {
    const [value = ""] = fieldValues(forward, name);
    return value === "" ? null : { value, fields: "" };
  }
  const known = knownClient(cookieValues(forward, name));
  if (known !== null) return { value: known, fields: "" };
  const value = newClient();
  return { value, fields: cohortCookie(name, value, client.secure) };
}

/** As which one of these values of the cookie knows the client; null: as none. */
export function knownClient(values: readonly string[]): string | null {
  for (const value of values) {
    const client = CLIENT.exec(value)?.[1];
    if (client !== undefined) return client;
  }
  return null;
}

export function newClient(): string {
  return randomBytes(COOKIE_BYTES).toString("base64url");
}

/** The field that sets the cookie, with its CRLF. */
export function cohortCookie(name: string, value: string, secure: boolean): string {
  const attributes = `Path=/; Max-Age=${String(COOKIE_MAX_AGE_S)}; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;
  return `Set-Cookie: ${name}=${value}; ${attributes}\r\n`;
}

/**
 * How far a pool is from a client; the nearest one is the client's (weighted rendezvous hashing). A pool gets its share of all clients, and when
 * its share grows it gains clients and loses none. Every worker and every restart comes to the same.
 */
export function distance(value: string, release: string, share: number): number {
  const hash = fnv(value, fnv(`${release}\0`, FNV_OFFSET));
  const high = mixed(hash);
  const low = mixed(high ^ FNV_OFFSET);
  const uniform = (high * 2 ** 21 + (low >>> 11) + 1) / 2 ** 53;
  return -Math.log(uniform) / share;
}

/** FNV-1a. */
function fnv(text: string, start: number): number {
  let hash = start;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), FNV_PRIME);
  return hash;
}

/** The finalizer of MurmurHash3: every bit of the input counts for every bit of the result. */
function mixed(input: number): number {
  let hash = input ^ (input >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
