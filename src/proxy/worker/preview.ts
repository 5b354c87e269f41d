import { hash, timingSafeEqual } from "node:crypto";
import type { PreviewSpec } from "../../core/routing.ts";
import { cookieValues, fieldValues } from "./head-fields.ts";
import type { RequestHead } from "./request-head.ts";

/** What a request that is to reach the inactive pool says. */
export interface PreviewAsked {
  /** By a host that is for previews only: nothing further is needed. */
  readonly byHost: boolean;
  readonly value: string;
}

/** Null: the request is no preview. */
export function previewAsked({ header, cookie, hosts }: PreviewSpec, { host, forward }: RequestHead): PreviewAsked | null {
  const name = host.replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase();
  if (hosts.includes(name)) return { byHost: true, value: "" };
  const value = fieldValues(forward, header)[0] ?? cookieValues(forward, cookie)[0];
  return value === undefined ? null : { byHost: false, value };
}

/** The key of the release always opens its pool; so does the secret or, without one, the name of the release. */
export function opens({ byHost, value }: PreviewAsked, release: string, { secretSha256, keySha256 }: PreviewSpec): boolean {
  if (byHost) return true;
  const given = Buffer.from(hash("sha256", value, "hex"));
  if (keySha256 !== undefined && isSame(given, keySha256)) return true;
  return secretSha256 === null ? value === release : isSame(given, secretSha256);
}

function isSame(given: Buffer, wantedHex: string): boolean {
  const wanted = Buffer.from(wantedHex);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
