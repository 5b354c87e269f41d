import { extname } from "node:path";
import { lookup } from "mrmime";
import { parse } from "range-parser";
import type { ReleaseName } from "../../../base/names.ts";
import { fieldValues } from "../head-fields.ts";
import { httpDate, type ResponseHead } from "../response-head.ts";
import type { RequestHead } from "../request-head.ts";
import type { AssetFile } from "./asset-file.ts";

/** The head of an answer and the part of the file that is its body; null: it has none. */
export interface AssetAnswer {
  readonly head: ResponseHead;
  readonly part: { readonly start: number; readonly end: number } | null;
}

interface Asset extends Pick<AssetFile, "bytes" | "modifiedMs"> {
  readonly name: string;
  readonly release: ReleaseName;
}

/** What the parser calls ranges that are well written and all outside the file. */
const UNSATISFIABLE = 2;
/** Names with a hash in them, as build tools make them, never mean anything else (RFC 8246). */
const CACHING = "Cache-Control: public, max-age=31536000, immutable\r\n";

/** RFC 9110 sections 13 and 14: whole, one part of it, unchanged, or not satisfiable. Several parts are answered with the whole. */
export function assetAnswer({ forward, method }: RequestHead, asset: Asset): AssetAnswer {
  const { bytes } = asset;
  const etag = `"${asset.release}-${bytes.toString(36)}-${Math.trunc(asset.modifiedMs).toString(36)}"`;
  const fields = `ETag: ${etag}\r\n${CACHING}X-Hitless-Asset: ${asset.release}\r\n`;
  if (isKnown(fieldValues(forward, "if-none-match"), etag)) return { head: headOf("304 Not Modified", fields, null), part: null };
  const typed = `Content-Type: ${typeOf(asset.name)}\r\nX-Content-Type-Options: nosniff\r\nAccept-Ranges: bytes\r\n${fields}`;
  const range = method === "GET" ? rangeOf(forward, etag, bytes) : null;
  if (range === "unsatisfiable") {
    return { head: headOf("416 Range Not Satisfiable", `Content-Range: bytes */${String(bytes)}\r\n`, 0), part: null };
  }
  if (range !== null) {
    const { start, end } = range;
    const content = `Content-Range: bytes ${String(start)}-${String(end)}/${String(bytes)}\r\n`;
    return { head: headOf("206 Partial Content", typed + content, end - start + 1), part: range };
  }
  const hasBody = method === "GET" && bytes > 0;
  return { head: headOf("200 OK", typed, bytes), part: hasBody ? { start: 0, end: bytes - 1 } : null };
}

function isKnown(values: readonly string[], etag: string): boolean {
  const known = values.flatMap((value) => value.split(",")).map((value) => value.trim().replace(/^W\//, ""));
  return known.includes(etag) || known.includes("*");
}

function rangeOf(forward: string, etag: string, bytes: number): { start: number; end: number } | "unsatisfiable" | null {
  const [asked, ...more] = fieldValues(forward, "range");
  const [condition = etag] = fieldValues(forward, "if-range");
  if (asked === undefined || more.length > 0 || condition !== etag || !asked.startsWith("bytes=")) return null;
  const { code, ranges } = parse(bytes, asked);
  const [only] = ranges;
  if (only === undefined && code === UNSATISFIABLE) return "unsatisfiable";
  return ranges.length === 1 && only !== undefined ? only : null;
}

function typeOf(name: string): string {
  const type = lookup(extname(name)) ?? "application/octet-stream";
  return /^text\/|\/json$|\+xml$/.test(type) ? `${type}; charset=utf-8` : type;
}

function headOf(status: string, fields: string, length: number | null): ResponseHead {
  return {
    status: Number(status.slice(0, 3)),
    forward: `HTTP/1.1 ${status}\r\nDate: ${httpDate()}\r\n${fields}`,
    body: length ?? 0,
    length,
    keepAlive: true,
    upgrade: null,
    trailer: null,
    idleHintMs: null,
  };
}
