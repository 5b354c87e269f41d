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

/** With a secret only that opens the pool, else the name of its release. */
export function opens({ byHost, value }: PreviewAsked, release: string, { secretSha256 }: PreviewSpec): boolean {
  if (byHost) return true;
  if (secretSha256 === null) return value === release;
  const given = Buffer.from(hash("sha256", value, "hex"));
  const wanted = Buffer.from(secretSha256);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
