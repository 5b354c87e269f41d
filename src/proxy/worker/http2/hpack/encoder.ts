import { STATIC_TABLE } from "./static-table.ts";

/** Before the first block of a connection: the dynamic table has no room (RFC 7541 section 6.3), whatever the client may set later. */
export const NO_DYNAMIC_TABLE = "\x20";

const INDEX_OF_NAME: ReadonlyMap<string, number> = new Map(STATIC_TABLE.map(([name], at) => [name, at + 1] as const).reverse());
const STATUS_INDEX = INDEX_OF_NAME.get(":status") ?? 0;
const STATUS_INDEXES: ReadonlyMap<string, number> = new Map(
  STATIC_TABLE.flatMap(([name, value], at) => (name === ":status" ? [[value, at + 1] as const] : [])),
);

/** `:status`, as the bytes of a block (latin1 text). */
export function encodeStatus(status: number): string {
  const index = STATUS_INDEXES.get(String(status));
  return index === undefined ? literal(STATUS_INDEX, "", String(status)) : String.fromCharCode(0x80 | index);
}

/**
 * One field, in no table and without Huffman coding: the same bytes on every connection, so that they can be kept. (nginx and HAProxy do without
 * a table of their own too.)
 */
export function encodeField(name: string, value: string): string {
  return literal(INDEX_OF_NAME.get(name) ?? 0, name, value);
}

/** RFC 7541 section 6.2.2. */
function literal(index: number, name: string, value: string): string {
  return integer(4, index) + (index === 0 ? text(name) : "") + text(value);
}

function text(value: string): string {
  return integer(7, value.length) + value;
}

/** RFC 7541 section 5.1. */
function integer(prefixBits: number, value: number): string {
  const mask = (1 << prefixBits) - 1;
  if (value < mask) return String.fromCharCode(value);
  let bytes = String.fromCharCode(mask);
  let rest = value - mask;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes += String.fromCharCode(128 | (rest & 127));
  return bytes + String.fromCharCode(rest);
}
